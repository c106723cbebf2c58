import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { ArchiveBatch, ArchiveBatchState } from '../domain/archive-batch.types.js';

/**
 * Which ranges of which ledgers are archived where. A document is there before an entry of its range leaves hot storage,
 * and stays for ever from then on. Trusted for nothing that the verifier checks: the manifests are signed and linked.
 */
@Injectable()
export class ArchiveBatches {
  readonly collection: mongoose.mongo.Collection<ArchiveBatch>;

  constructor(store: MongoStore) {
    this.collection = store.collection<ArchiveBatch>('archive_batches');
  }

  /** Of two that begin at one seq the first is kept. Resolves with the kept one. */
  async add(batch: ArchiveBatch): Promise<ArchiveBatch> {
    try {
      await this.collection.insertOne(batch);
      return batch;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const kept = await this.collection.findOne({ tenant: batch.tenant, startSeq: batch.startSeq });
      if (!kept) throw error;
      return kept;
    }
  }

  /** All of it is hot still, and its objects are lost: it is archived anew. No change in any other state. */
  async withdraw(id: string): Promise<void> {
    await this.collection.deleteOne({ _id: id, state: 'recorded' });
  }

  async get(tenant: string, id: string): Promise<ArchiveBatch | null> {
    return this.collection.findOne({ tenant, _id: id });
  }

  /** The batch that holds this seq. */
  async covering(tenant: string, seq: number): Promise<ArchiveBatch | null> {
    const before = await this.collection.findOne({ tenant, startSeq: { $lte: seq } }, { sort: { startSeq: -1 } });
    return before !== null && before.endSeq >= seq ? before : null;
  }

  /** Those that hold any of the entries `from` to `to`, both inclusive, in order. */
  async *between(tenant: string, from: number, to: number): AsyncGenerator<ArchiveBatch> {
    const first = (await this.covering(tenant, from))?.startSeq ?? from;
    yield* this.collection.find({ tenant, startSeq: { $gte: first, $lte: to } }).sort({ startSeq: 1 });
  }

  /** Those whose retention is not over, in order. */
  async *kept(tenant: string): AsyncGenerator<ArchiveBatch> {
    yield* this.collection.find({ tenant, state: { $in: KEPT } }).sort({ startSeq: 1 });
  }

  /** The highest archived seq, whatever became of the batch; null while nothing is archived. */
  async highestSeq(tenant: string): Promise<number | null> {
    const sort = { startSeq: -1 } as const;
    const newest = await this.collection.findOne({ tenant }, { sort, projection: { _id: 0, endSeq: 1 } });
    return newest?.endSeq ?? null;
  }

  /** The largest of all archived event ids. */
  async newestEventId(tenant: string): Promise<string | undefined> {
    const sort = { maxEventId: -1 } as const;
    const newest = await this.collection.findOne({ tenant }, { sort, projection: { _id: 0, maxEventId: 1 } });
    return newest?.maxEventId;
  }

  /** The largest `ts` in a batch whose entries have begun to leave hot storage, and are kept. */
  async newestTs(tenant: string): Promise<string | undefined> {
    const found = this.collection.find({ tenant }, { projection: { _id: 0, maxTs: 1, state: 1 }, batchSize: 4 });
    for await (const { maxTs, state } of found.sort({ maxTs: -1 })) {
      if (state === 'deleting' || state === 'done') return maxTs;
    }
    return undefined;
  }

  async newest(tenant: string): Promise<ArchiveBatch | null> {
    return this.collection.findOne({ tenant }, { sort: { startSeq: -1 } });
  }

  /** Those that an event of this id may be in, in order. */
  async byEventId(tenant: string, id: string): Promise<ArchiveBatch[]> {
    const found = await this.collection
      .find({ tenant, maxEventId: { $gte: id }, minEventId: { $lte: id } })
      .sort({ maxEventId: 1 })
      .toArray();
    return found.sort(bySeq);
  }

  /** Those that may have events with `since` ≤ ts < `until` (RFC 3339 with milliseconds), in order. */
  async inWindow(tenant: string, since?: string, until?: string): Promise<ArchiveBatch[]> {
    const maxTs = since === undefined ? {} : { maxTs: { $gte: since } };
    const minTs = until === undefined ? {} : { minTs: { $lt: until } };
    const found = await this.collection
      .find({ tenant, ...maxTs, ...minTs })
      .sort({ maxTs: 1 })
      .toArray();
    return found.sort(bySeq);
  }

  /** Newest first; those that begin below seq `before` when that is given. */
  async page(
    tenant: string,
    { before, limit }: { before?: number | undefined; limit: number },
  ): Promise<ArchiveBatch[]> {
    const below = before === undefined ? {} : { startSeq: { $lt: before } };
    return this.collection
      .find({ tenant, ...below }, { limit })
      .sort({ startSeq: -1 })
      .toArray();
  }

  /** The oldest whose entries are not known to have left hot storage. */
  async unfinished(tenant: string): Promise<ArchiveBatch | null> {
    const state = { $in: ['recorded', 'deleting'] satisfies ArchiveBatchState[] };
    return this.collection.findOne({ tenant, state }, { sort: { startSeq: 1 } });
  }

  /** False when it is in none of the states `from` (any more). */
  async setState(id: string, from: readonly ArchiveBatchState[], to: ArchiveBatchState): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne(
      { _id: id, state: { $in: [...from] } },
      { $set: { state: to } },
    );
    return matchedCount === 1;
  }

  /** From here on a retired batch is not taken back. May be said twice; false of one that is not retired (any more). */
  async setGoing(id: string): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne({ _id: id, state: 'retired' }, { $set: { going: true } });
    return matchedCount === 1;
  }

  /** A retired batch is kept after all. False of one that goes, or that is not retired (any more). */
  async takeBack(id: string): Promise<boolean> {
    const filter = { _id: id, state: 'retired', going: { $exists: false } } as const;
    const { matchedCount } = await this.collection.updateOne(filter, { $set: { state: 'done' } });
    return matchedCount === 1;
  }

  /** Both objects are in the second store. May be said twice; false of a retired batch, whose objects go. */
  async setCopy(id: string, copy: NonNullable<ArchiveBatch['copy']>): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne({ _id: id, state: { $in: KEPT } }, { $set: { copy } });
    return matchedCount === 1;
  }

  /** Those that the second store has not, oldest first. */
  async *notCopied(tenant: string): AsyncGenerator<ArchiveBatch> {
    yield* this.collection.find(notCopied(tenant)).sort({ startSeq: 1 });
  }

  async oldestNotCopied(tenant: string): Promise<ArchiveBatch | null> {
    return this.collection.findOne(notCopied(tenant), { sort: { startSeq: 1 } });
  }

  async countNotCopied(tenant: string): Promise<number> {
    return this.collection.countDocuments(notCopied(tenant));
  }

  /** Which cases hold it; none: the field goes. False when it is retired, or not the cases `from` hold it (any more). */
  async setHolds(id: string, from: readonly string[], to: readonly string[]): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne(
      { _id: id, state: { $in: KEPT }, holds: from.length > 0 ? [...from] : { $exists: false } },
      to.length > 0 ? { $set: { holds: [...to] } } : { $unset: { holds: '' } },
    );
    return matchedCount === 1;
  }
}

/** The objects of the others go, or are gone. */
const KEPT: ArchiveBatchState[] = ['recorded', 'deleting', 'done'];

const notCopied = (tenant: string) => ({ tenant, 'copy.copiedAt': null, state: { $in: KEPT } });

const bySeq = (a: ArchiveBatch, b: ArchiveBatch): number => a.startSeq - b.startSeq;
