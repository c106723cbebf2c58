import { Inject, Injectable } from '@nestjs/common';
import { join } from 'node:path';
import { entryId, formatCheckpoint, LedgerError, parseCheckpoint, signNote, verifyNote } from '#libs/ledger';
import { Settings } from '../../settings.js';
import { contradiction, emptyMark, grown, markText, parsedMark, type Mark } from '../domain/high-water-mark.js';
import { Checkpoints, type StoredCheckpoint } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import type { Ledger } from '../storage/ledgers.store.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { readIfThere, replaceFile } from '../keys/key-files.js';

/** Entries read at once, and the most that one checkpoint takes in, so that a long backlog is signed piece by piece. */
const READ_ENTRIES = 2_000;
const CHECKPOINT_ENTRIES = 50_000;

/** How one attempt to sign ended. */
export type Signed =
  | { state: 'signed'; size: number }
  | { state: 'nothing_new' }
  /** The store contradicts what was signed: the ledger must be suspended. */
  | { state: 'contradicted'; reason: string };

/**
 * Signs the heads of ledgers. Its high-water marks lie outside the database, beside the key: a database that was set
 * back, cut or rewritten contradicts them, and is not signed again.
 */
@Injectable()
export class CheckpointSigner {
  private readonly marks = new Map<string, Mark>();
  private readonly folder: string;

  constructor(
    @Inject(Settings) settings: Pick<Settings, 'dataDir'>,
    private readonly keys: AuditKeys,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
  ) {
    this.folder = join(settings.dataDir, 'keys', 'marks');
  }

  /**
   * One checkpoint over what the store holds now. Two processes may sign at once: the same entries give the same
   * note, and one size is kept once. Rejects with AUDIT.MARK_UNREADABLE, or when the store does not answer.
   */
  async sign({ _id: tenant, origin }: Pick<Ledger, '_id' | 'origin'>): Promise<Signed> {
    const mark = await this.mark(tenant, origin);
    const reason = await this.contradicted(tenant, mark);
    if (reason !== undefined) return { state: 'contradicted', reason };
    const next = await this.grownMark(tenant, mark);
    if ('broken' in next) return { state: 'contradicted', reason: next.broken };
    const published = await this.checkpoints.newestSize(tenant);
    if (next.size === 0 || published >= next.size) return { state: 'nothing_new' };

    await replaceFile(join(this.folder, tenant), markText(next));
    this.marks.set(tenant, next);
    // If the process dies here, the mark is ahead of every checkpoint but not of the entries: the next attempt signs
    // the same tree, or a longer one that has it as a prefix.
    const other = await this.checkpoints.add(await this.checkpointOf(tenant, next));
    // If the process dies here, nothing is left to do.
    if (other) return { state: 'contradicted', reason: `another tree of size ${next.size} is signed` };
    return { state: 'signed', size: next.size };
  }

  /** What in the store contradicts what was signed, if anything does: asked once at start, before any append. */
  async contradiction({ _id: tenant, origin }: Pick<Ledger, '_id' | 'origin'>): Promise<string | undefined> {
    const newest = await this.checkpoints.newest(tenant);
    if (newest && !this.isOurs(tenant, newest, origin)) {
      return `the checkpoint of size ${newest.size} is not signed by a key in the data folder`;
    }
    return this.contradicted(tenant, await this.mark(tenant, origin));
  }

  /** The mark as the file has it now, for a verifier; undefined when this process has none. */
  async highWater(tenant: string, origin: string): Promise<Mark | undefined> {
    const text = await readIfThere(join(this.folder, tenant));
    return text === undefined ? undefined : parsedMark(text, origin);
  }

  private isOurs(tenant: string, { note, size }: StoredCheckpoint, origin: string): boolean {
    try {
      const { text } = verifyNote(note, this.keys.verifierKeys(tenant, origin));
      const signed = parseCheckpoint(text);
      return signed.origin === origin && signed.size === size;
    } catch (error) {
      if (error instanceof LedgerError) return false;
      throw error;
    }
  }

  private async mark(tenant: string, origin: string): Promise<Mark> {
    const known = this.marks.get(tenant);
    if (known) return known;
    const mark = (await this.highWater(tenant, origin)) ?? emptyMark(origin);
    this.marks.set(tenant, mark);
    return mark;
  }

  private async contradicted(tenant: string, mark: Mark): Promise<string | undefined> {
    const [head, atMark] = await Promise.all([
      this.entries.head(tenant),
      mark.size === 0 ? undefined : this.entries.chainHashAt(tenant, mark.size - 1),
    ]);
    return contradiction(mark, head?.seq ?? -1, atMark);
  }

  private async grownMark(tenant: string, mark: Mark): Promise<Mark | { broken: string }> {
    let next = mark;
    while (next.size - mark.size < CHECKPOINT_ENTRIES) {
      const entries = await this.entries.after(tenant, next.size, READ_ENTRIES);
      if (entries.length === 0) break;
      const longer = grown(next, entries);
      if ('broken' in longer) return longer;
      next = longer;
      if (entries.length < READ_ENTRIES) break;
    }
    return next;
  }

  private async checkpointOf(tenant: string, { origin, size, root }: Mark): Promise<StoredCheckpoint> {
    const text = formatCheckpoint({ origin, size, root });
    const { keyId, mac } = this.keys.noteMac(tenant, text);
    const note = signNote(text, await this.keys.noteSigner(tenant, origin, size));
    return {
      _id: entryId(tenant, size),
      tenant,
      origin,
      size,
      root,
      note,
      mac,
      mac_key_id: keyId,
      signed_at: new Date(),
    };
  }
}
