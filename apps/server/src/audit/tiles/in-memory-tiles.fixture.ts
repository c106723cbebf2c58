import type fc from 'fast-check';
import { leafHash } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { SignedEntry } from '../domain/high-water-mark.js';
import type { StoredTile } from '../domain/tile.js';

/** What becomes of the write of a tile: it and what comes after it may be lost, or only the reply. */
export type Fault = 'lost' | 'kept';

/** What the writer of tiles needs of the store, in memory, with the store's own promises; `reads` counts the tiles read. */
export class InMemoryTiles {
  readonly stored = new Map<string, StoredTile>();
  reads = 0;
  /** Of the next writes, one after the other. */
  faults: (Fault | undefined)[] = [];

  constructor(private readonly scheduler?: fc.Scheduler) {}

  async add(tiles: StoredTile[]): Promise<void> {
    for (const tile of tiles) {
      await this.scheduler?.schedule(Promise.resolve());
      const fault = this.faults.shift();
      if (fault === 'lost') throw new Error('the write was lost');
      const kept = this.stored.get(tile._id);
      if (kept && Buffer.compare(kept.hashes, tile.hashes) !== 0) {
        throw new AuditError('AUDIT.TILE_CONTRADICTED', tile._id);
      }
      this.stored.set(tile._id, kept ?? tile);
      if (fault === 'kept') throw new Error('the reply was lost');
    }
  }

  async full(tenant: string, level: number, index: number): Promise<Uint8Array | undefined> {
    this.reads += 1;
    return this.at(tenant, level).find((tile) => tile.index === index)?.hashes;
  }

  async roots(tenant: string, level: number, from: number, to: number): Promise<Uint8Array[]> {
    this.reads += 1;
    return this.at(tenant, level)
      .filter(({ index }) => index >= from && index < to)
      .map(({ root }) => root);
  }

  async count(tenant: string, level: number): Promise<number> {
    await this.scheduler?.schedule(Promise.resolve());
    return Math.max(-1, ...this.at(tenant, level).map(({ index }) => index)) + 1;
  }

  async missing(tenant: string, level: number, { before, most }: { before: number; most: number }): Promise<number[]> {
    const there = new Set(this.at(tenant, level).map(({ index }) => index));
    const end = Math.min(before, Math.max(-1, ...there) + 1);
    return Array.from({ length: end }, (_, index) => index)
      .filter((index) => !there.has(index))
      .slice(0, most);
  }

  private at(tenant: string, level: number): StoredTile[] {
    return [...this.stored.values()].filter((tile) => tile.tenant === tenant && tile.level === level);
  }
}

type SmallEntry = SignedEntry & { leaf_hash: Uint8Array };

/** Entries by their number; `read` says which bytes were asked for. */
export class InMemoryEntries {
  readonly read: number[] = [];

  constructor(private readonly all: SmallEntry[]) {}

  async after(_tenant: string, seq: number, limit: number): Promise<SignedEntry[]> {
    const found = this.all.slice(seq, seq + limit);
    this.read.push(...found.map((entry) => entry.seq));
    return found;
  }

  async leafHashes(_tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    return this.all.slice(seq, seq + count).map(({ leaf_hash }) => leaf_hash);
  }

  async bytes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    const found = this.all.slice(seq, seq + count);
    const at = found.findIndex((entry, i) => entry.seq !== seq + i);
    if (at < 0 && found.length === count) return found.map(({ bytes }) => bytes);
    throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${seq + Math.max(at, 0)} of ${tenant} is missing`);
  }
}

export const smallEntries = (count: number): SmallEntry[] =>
  Array.from({ length: count }, (_, seq) => {
    const bytes = Buffer.from(`${seq}`);
    return { seq, bytes, leaf_hash: leafHash(bytes), chain_hash: new Uint8Array(32) };
  });
