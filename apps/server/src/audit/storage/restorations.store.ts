import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';

/** One archived batch that is in the database again for a while. */
export interface Restoration {
  /** Id of the batch: one at a time. */
  _id: string;
  /** UUIDv7: whose the restored entries are. Another restoration of the same batch has another one. */
  restoration: string;
  tenant: string;
  startSeq: number;
  endSeq: number;
  minTs: string;
  maxTs: string;
  /** `restored`: all of its entries are there. */
  state: 'restoring' | 'restored';
  until: Date;
}

/**
 * Which batches are restored. As long as a document says `restored`, all entries of its restoration are there: they are
 * written before it says so and removed after it is gone.
 */
@Injectable()
export class Restorations {
  readonly collection: mongoose.mongo.Collection<Restoration>;

  constructor(store: MongoStore) {
    this.collection = store.collection<Restoration>('archive_restorations');
  }

  /** Resolves with this one, or the one of the same batch that is there already. */
  async begin(batch: ArchiveBatch, restoration: string, until: Date): Promise<Restoration> {
    const { _id, tenant, startSeq, endSeq, minTs, maxTs } = batch;
    const begun: Restoration = {
      ...{ _id, restoration, tenant, startSeq, endSeq, minTs, maxTs },
      ...{ state: 'restoring', until },
    };
    try {
      await this.collection.insertOne(begun);
      return begun;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      // It may have expired in between.
      return (await this.collection.findOne({ _id })) ?? this.begin(batch, restoration, until);
    }
  }

  /** All entries are there: until then, or as long as was said before. Null when it is over. */
  async complete({ _id, restoration }: Pick<Restoration, '_id' | 'restoration'>, until: Date): Promise<Date | null> {
    const kept = await this.collection.findOneAndUpdate(
      { _id, restoration },
      { $set: { state: 'restored' }, $max: { until } },
      { returnDocument: 'after' },
    );
    return kept && kept.until;
  }

  /** Those that are restored, by seq. */
  async restored(tenant: string): Promise<Restoration[]> {
    return this.collection.find({ tenant, state: 'restored' }).sort({ startSeq: 1 }).toArray();
  }

  /** Of these batches, what is restored until when. */
  async of(tenant: string, batchIds: readonly string[]): Promise<Map<string, Pick<Restoration, 'state' | 'until'>>> {
    const found = await this.collection.find({ tenant, _id: { $in: [...batchIds] } }).toArray();
    return new Map(found.map(({ _id, state, until }) => [_id, { state, until }]));
  }

  /** Whose entries may be in the database. */
  async known(restoration: string): Promise<boolean> {
    return (await this.collection.findOne({ restoration }, { projection: { _id: 1 } })) !== null;
  }

  /** It is over, unless it lasts longer than `until` by now. */
  async end(restoration: string, until: Date): Promise<void> {
    await this.collection.deleteOne({ restoration, until });
  }
}
