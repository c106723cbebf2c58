import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { entryId, TILE_WIDTH, type StoredEntry } from '#libs/ledger';
import type { TileFields } from '../domain/tile-fault.js';
import type { StoredTile } from '../domain/tile.js';
import { Checkpoints } from './checkpoints.store.js';
import { LedgerEntries } from './ledger-entries.store.js';
import { Tiles } from './tiles.store.js';

const BATCH = 512;

/** Where a reading stands: what came later is the next one's. */
export interface ReadingPlace {
  /** Of the newest checkpoint. */
  size: number;
  /** One more than the greatest seq. */
  end: number;
  /** Chain hash of the entry with that seq, hex; null for an empty ledger. */
  head: string | null;
  /** The least seq; null for an empty ledger. */
  oldest: number | null;
}

/**
 * Reads a ledger piece by piece, whatever the store holds: each document is found in one of the ranges or outside of
 * all of them, and none in two. Documents may have any fields; those of binary type are Buffers.
 */
@Injectable()
export class LedgerReader {
  constructor(
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly tiles: Tiles,
  ) {}

  /** The caller has read the high-water mark before: then what it counts is there when the entries are read. */
  async place(tenant: string): Promise<ReadingPlace> {
    const size = await this.checkpoints.newestSize(tenant);
    const [newest, oldest] = await Promise.all([this.outermost(tenant, -1), this.outermost(tenant, 1)]);
    const end = newest === undefined ? 0 : Math.floor(Number(newest.seq)) + 1;
    return {
      size,
      end,
      head: newest === undefined ? null : hexOf(newest.chain_hash),
      oldest: oldest === undefined ? null : Math.floor(Number(oldest.seq)),
    };
  }

  /**
   * What claims a seq from `from` to before `to`, in order; where seqs are missing, also entries of which only the
   * `_id` lies there. Ends before missing seqs of which `isArchived` resolves true.
   */
  async *range(
    tenant: string,
    from: number,
    to: number,
    isArchived: (seq: number) => Promise<boolean> = () => Promise.resolve(false),
  ): AsyncGenerator<unknown, void> {
    let next = from;
    for await (const document of this.claiming(tenant, from, to)) {
      const { seq } = document as { seq: unknown };
      if (Number.isSafeInteger(seq) && (seq as number) >= next) {
        if ((seq as number) > next && (await isArchived(next))) return;
        yield* this.elsewhere(tenant, next, seq as number);
        next = (seq as number) + 1;
      }
      yield document;
    }
    if (next < to && !(await isArchived(next))) yield* this.elsewhere(tenant, next, to);
  }

  /** What claims a seq from `from` to before `to`, in order. */
  claiming(tenant: string, from: number, to: number): AsyncIterable<StoredEntry> {
    return documentsBetween(this.entries.collection, { tenant, from, to });
  }

  /** What claims no seq that a range could hold: no number, below 0, or beyond 2^53-1. */
  async *outside(tenant: string): AsyncGenerator<unknown, void> {
    for (const order of [1, -1] as const) {
      // The index orders by type, then by value: whatever is no seq stands before or after all that are.
      for await (const document of this.entries.collection
        .find({ tenant }, { promoteBuffers: true, batchSize: BATCH })
        .sort({ seq: order })) {
        const { seq } = document as { seq: unknown };
        if (typeof seq === 'number' && seq >= 0 && seq <= Number.MAX_SAFE_INTEGER) break;
        if (!(await this.inSomeRange(tenant, document._id))) yield document;
      }
    }
  }

  /** Entries from `from` to before `to` by their `_id` that another `tenant` hides from the ranges. */
  async *elsewhere(tenant: string, from: number, to: number): AsyncGenerator<unknown, void> {
    if (from >= to) return;
    const cursor = this.entries.collection
      .find(
        { _id: { $gte: entryId(tenant, from), $lt: entryId(tenant, to) } },
        { promoteBuffers: true, batchSize: BATCH },
      )
      .sort({ _id: 1 });
    for await (const document of cursor) if (document.tenant !== tenant) yield document;
  }

  /** The least seq from `from` on, as an integer; undefined when there is none. */
  async nextSeq(tenant: string, from: number): Promise<number | undefined> {
    const next = await this.outermost(tenant, 1, from);
    return next && Math.floor(Number(next.seq));
  }

  /** Signed notes of sizes above `above` and up to `newest`, by size, each with its cosignatures. */
  async *notes(tenant: string, above: number, newest: number): AsyncGenerator<{ size: number; note: unknown }, void> {
    const cursor = this.checkpoints.collection
      .find(
        { tenant, size: { $gt: above, $lte: newest } },
        { projection: { _id: 0, size: 1, note: 1, cosignatures: 1 }, batchSize: BATCH },
      )
      .sort({ size: 1 });
    for await (const { size, note, cosignatures } of cursor) {
      yield { size, note: typeof note === 'string' ? note + linesOf(cosignatures) : note };
    }
  }

  /** Of the smallest signed checkpoint of at least `size` entries, and at most `newest`. */
  async sizeCovering(tenant: string, size: number, newest: number): Promise<number | undefined> {
    const found = await this.checkpoints.collection.findOne(
      { tenant, size: { $gte: size, $lte: newest } },
      { sort: { size: 1 }, projection: { _id: 0, size: 1 } },
    );
    return found?.size;
  }

  /** The full tiles of leaf hashes that begin in the range and end in it, in order. */
  leafTiles(tenant: string, from: number, to: number): AsyncIterable<TileFields> {
    return leafTilesBetween(this.tiles.collection, { tenant, from, to });
  }

  /** The stored tiles above the leaves, each with the roots of those tiles below it that are there. */
  async *upperTiles(tenant: string): AsyncGenerator<{ tile: StoredTile; below: Uint8Array[] }, void> {
    const cursor = this.tiles.collection
      .find({ tenant, level: { $gt: 0 } }, { promoteBuffers: true, batchSize: BATCH })
      .sort({ level: 1, index: 1 });
    for await (const tile of cursor) {
      const first = tile.index * TILE_WIDTH;
      yield { tile, below: await this.tiles.roots(tenant, tile.level - 1, first, first + TILE_WIDTH) };
    }
  }

  private async outermost(
    tenant: string,
    order: 1 | -1,
    from = 0,
  ): Promise<{ seq: unknown; chain_hash: unknown } | undefined> {
    const found = await this.entries.collection.findOne(
      { tenant, seq: { $gte: from, $lte: Number.MAX_SAFE_INTEGER } },
      { sort: { seq: order }, projection: { _id: 0, seq: 1, chain_hash: 1 }, promoteBuffers: true },
    );
    return found ?? undefined;
  }

  /** A seq of a type that only the store can compare may lie in a range all the same. */
  private async inSomeRange(tenant: string, _id: string): Promise<boolean> {
    const range = { $gte: 0, $lte: Number.MAX_SAFE_INTEGER };
    return (await this.entries.collection.findOne({ _id, tenant, seq: range }, { projection: { _id: 1 } })) !== null;
  }
}

/** Seqs from `from` to before `to`. */
export interface SeqsBetween {
  tenant: string;
  from: number;
  to: number;
}

// Also for the threads, which have connections of their own.

/** What claims a seq of the range, in order. */
export const documentsBetween = (
  entries: mongoose.mongo.Collection<StoredEntry>,
  { tenant, from, to }: SeqsBetween,
): mongoose.mongo.FindCursor<StoredEntry> =>
  entries.find({ tenant, seq: { $gte: from, $lt: to } }, { promoteBuffers: true, batchSize: BATCH }).sort({ seq: 1 });

export async function* leafTilesBetween(
  tiles: mongoose.mongo.Collection<StoredTile>,
  { tenant, from, to }: SeqsBetween,
): AsyncGenerator<TileFields, void> {
  const index = { $gte: Math.ceil(from / TILE_WIDTH), $lt: Math.floor(to / TILE_WIDTH) };
  if (index.$gte >= index.$lt) return;
  const projection = { _id: 0, level: 1, index: 1, hashes: 1, root: 1 };
  yield* tiles
    .find({ tenant, level: 0, index }, { projection, promoteBuffers: true, batchSize: BATCH })
    .sort({ index: 1 });
}

/** The lines of cosignatures, where they are such; the note is judged with them. */
function linesOf(cosignatures: unknown): string {
  if (!Array.isArray(cosignatures)) return '';
  return cosignatures
    .map((one: unknown) => (one as { line?: unknown } | null)?.line)
    .filter((line) => typeof line === 'string')
    .map((line) => `${line}\n`)
    .join('');
}

/** The store may hold anything. */
const hexOf = (bytes: unknown): string => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : '');
