import { Injectable } from '@nestjs/common';
import mongoose from 'mongoose';
import { LedgerError, parseEvent } from '#libs/ledger';
import type { LedgerEvent, StoredEntry } from '#libs/ledger';
import { MongoStore } from '#libs/mongo';
import type { Head } from '../domain/entry.js';
import type { SignedEntry } from '../domain/high-water-mark.js';

const DUPLICATE_KEY = 11000;
const REMOVED_AT_ONCE = 1_024;
/** The fields of a page. */
export const PAGE_PARTS = { _id: 0, seq: 1, ts: 1, bytes: 1, leaf_hash: 1, chain_hash: 1 } as const;
const ENTRY_PARTS = { _id: 0, seq: 1, bytes: 1, chain_hash: 1 } as const;

/** What a page is made of. */
export type EntryOfPage = Pick<StoredEntry, 'seq' | 'ts' | 'bytes' | 'leaf_hash' | 'chain_hash'>;

export interface PageOfEntries {
  kind?: string | undefined;
  job_id?: string | undefined;
  /** Inclusive, RFC 3339 with milliseconds. */
  since?: string | undefined;
  /** Exclusive. */
  until?: string | undefined;
  before?: { ts: string; seq: number } | undefined;
  limit: number;
}

/** How an insert ended. */
export interface InsertOutcome {
  /** So many of the first entries are durable. The others are not, or nobody knows. */
  acknowledged: number;
  /** A unique index refused the entry after those. */
  duplicate: boolean;
  /** What the store said, when not all were acknowledged. */
  cause?: unknown;
}

/** One ordered insert: what comes after the first refused entry is not there. */
export interface StagedInsert {
  /** Serialises the entry. */
  add(entry: StoredEntry): void;
  /** Once. An error that leaves the outcome open (write concern, time-out, network) acknowledges nothing. */
  insert(): Promise<InsertOutcome>;
}

/**
 * The entries of all ledgers. Writes are acknowledged by a majority and its journal, reads are majority reads: the
 * connection's own settings. Trusted for nothing that the verifier checks.
 */
@Injectable()
export class LedgerEntries {
  readonly collection: mongoose.mongo.Collection<StoredEntry>;

  constructor(store: MongoStore) {
    this.collection = store.collection<StoredEntry>('ledger_entries');
  }

  /** One insert to come. */
  staged(): StagedInsert {
    const bulk = this.collection.initializeOrderedBulkOp();
    let count = 0;
    return {
      add: (entry) => {
        bulk.insert(entry);
        count += 1;
      },
      insert: async () => {
        try {
          await bulk.execute();
          return { acknowledged: count, duplicate: false };
        } catch (cause) {
          return { ...keptOf(cause), cause };
        }
      },
    };
  }

  insert(entries: readonly StoredEntry[]): Promise<InsertOutcome> {
    const staged = this.staged();
    for (const entry of entries) staged.add(entry);
    return staged.insert();
  }

  /** Where these events stand, by a majority read. */
  async find(tenant: string, ids: readonly string[]): Promise<Map<string, { seq: number; bytes: Uint8Array }>> {
    const found = await this.collection
      .find(
        { tenant, event_id: { $in: [...ids] } },
        { projection: { _id: 0, event_id: 1, seq: 1, bytes: 1 }, promoteBuffers: true },
      )
      .toArray();
    return new Map(found.map(({ event_id, seq, bytes }) => [event_id, { seq, bytes }]));
  }

  /** The entry of this event, whatever it holds. */
  async entryOf(tenant: string, eventId: string): Promise<EntryOfPage | null> {
    return this.collection.findOne({ tenant, event_id: eventId }, { projection: PAGE_PARTS, promoteBuffers: true });
  }

  /** The newest entry, or null. One look at the end of the index, however long the ledger is. */
  async head(tenant: string): Promise<Head | null> {
    const newest = await this.collection.findOne(
      { tenant },
      { sort: { seq: -1 }, projection: { _id: 0, seq: 1, chain_hash: 1 }, promoteBuffers: true },
    );
    return newest && { seq: newest.seq, chainHash: newest.chain_hash };
  }

  /** The stored chain hash at `seq`. */
  async chainHashAt(tenant: string, seq: number): Promise<Uint8Array | undefined> {
    const found = await this.collection.findOne(
      { tenant, seq },
      { projection: { _id: 0, chain_hash: 1 }, promoteBuffers: true },
    );
    return found?.chain_hash;
  }

  /** Up to `limit` entries from `seq` on, in order: in one answer, where a store by itself gives 101 first. */
  async after(tenant: string, seq: number, limit: number): Promise<SignedEntry[]> {
    return this.collection
      .find({ tenant, seq: { $gte: seq } }, { projection: ENTRY_PARTS, promoteBuffers: true, limit, batchSize: limit })
      .sort({ seq: 1 })
      .toArray();
  }

  /** All events of a kind that is rare by its nature, as their bytes say; what cannot be read is left out. */
  async ofKind(tenant: string, kind: string): Promise<LedgerEvent[]> {
    const found = await this.collection
      .find({ tenant, kind }, { projection: { _id: 0, bytes: 1 }, promoteBuffers: true })
      .toArray();
    return found.flatMap(({ bytes }) => eventOf(bytes) ?? []);
  }

  /** Newest first, by (ts, seq); every filter is answered by an index. */
  async page(tenant: string, asked: PageOfEntries): Promise<EntryOfPage[]> {
    return newestPage(this.collection, { tenant }, asked);
  }

  /** Oldest first, after `seq`: for those who follow the ledger. */
  async following(tenant: string, seq: number, limit: number): Promise<EntryOfPage[]> {
    return this.collection
      .find({ tenant, seq: { $gt: seq } }, { projection: PAGE_PARTS, promoteBuffers: true, limit })
      .sort({ seq: 1 })
      .toArray();
  }

  /** For archived entries alone: takes them out, from the lowest on, in steps that others hardly notice. May be repeated. */
  async remove(tenant: string, from: number, to: number, signal: AbortSignal): Promise<void> {
    for (let seq = from; seq <= to; seq += REMOVED_AT_ONCE) {
      signal.throwIfAborted();
      await this.collection.deleteMany({ tenant, seq: { $gte: seq, $lte: Math.min(to, seq + REMOVED_AT_ONCE - 1) } });
      // If the process dies here, the lower ones are gone: the same again takes the rest.
    }
  }
}

/** Of the entries that `whose` names, newest first by (ts, seq). */
export async function newestPage<Entry extends StoredEntry>(
  entries: mongoose.mongo.Collection<Entry>,
  whose: { tenant: string } | { restoration: string },
  { kind, job_id, since, until, before, limit }: PageOfEntries,
): Promise<EntryOfPage[]> {
  const which = { ...whose, ...(job_id !== undefined && { job_id }), ...(kind !== undefined && { kind }) };
  const slice = async (filter: object, most: number): Promise<EntryOfPage[]> => {
    if (most <= 0) return [];
    return entries
      .find<EntryOfPage>(filter, { projection: PAGE_PARTS, promoteBuffers: true, limit: most })
      .sort({ ts: -1, seq: -1 })
      .toArray();
  };
  // Two index ranges instead of an $or: the rest of the cursor's own millisecond, then everything older.
  const same = before ? await slice({ ...which, ts: before.ts, seq: { $lt: before.seq } }, limit) : [];
  const ts = { ...(since !== undefined && { $gte: since }), ...olderThan(before?.ts ?? until) };
  const older = await slice({ ...which, ...(Object.keys(ts).length > 0 && { ts }) }, limit - same.length);
  return [...same, ...older];
}

const olderThan = (ts: string | undefined): { $lt?: string } => (ts === undefined ? {} : { $lt: ts });

/** The event in these bytes, or null: whoever can write to the store can write anything. */
export function eventOf(bytes: unknown): LedgerEvent | null {
  try {
    return bytes instanceof Uint8Array ? parseEvent(bytes) : null;
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

function keptOf(error: unknown): { acknowledged: number; duplicate: boolean } {
  const { MongoBulkWriteError } = mongoose.mongo;
  if (!(error instanceof MongoBulkWriteError) || error.code !== DUPLICATE_KEY) return UNKNOWN;
  // With a write-concern error beside it, the prefix is written but may still be rolled back.
  if (error.result.getWriteConcernError() !== undefined) return UNKNOWN;
  return { acknowledged: error.insertedCount, duplicate: true };
}

const UNKNOWN = { acknowledged: 0, duplicate: false };
