import type { SignedEntry } from '../domain/high-water-mark.js';

/** Most bytes of entries that one turn keeps. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Where entries are read: up to `limit` from `seq` on, in order; none when there are none. */
export interface EntrySource {
  after(seq: number, limit: number): Promise<SignedEntry[]>;
}

/** The entries that one signing turn read, for whoever asks for them again within it: each is read from the store once. */
export class TurnEntries implements EntrySource {
  private readonly kept: SignedEntry[] = [];
  private bytes = 0;

  constructor(private readonly read: EntrySource['after']) {}

  async after(seq: number, limit: number): Promise<SignedEntry[]> {
    const at = seq - (this.kept[0]?.seq ?? Infinity);
    const here = at >= 0 ? this.kept.slice(at, at + limit) : [];
    if (here.length > 0) return here;
    const found = await this.read(seq, limit);
    this.keep(found);
    return found;
  }

  /** What follows on what is kept already. */
  private keep(found: readonly SignedEntry[]): void {
    for (const entry of found) {
      const last = this.kept.at(-1);
      if (this.bytes >= KEPT_BYTES || (last && entry.seq !== last.seq + 1)) return;
      this.kept.push(entry);
      this.bytes += entry.bytes?.length ?? 0;
    }
  }
}
