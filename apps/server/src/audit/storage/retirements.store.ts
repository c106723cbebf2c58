import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { SealedEvent } from '../audit.types.js';

/** One batch on its way out, and then for ever. */
export interface Retirement {
  /** Id of the batch. */
  _id: string;
  tenant: string;
  startSeq: number;
  endSeq: number;
  /** The signed tombstone, as it was put or is to be put. */
  tombstone: string;
  /** That it was retired, as the ledger will say it. */
  event: SealedEvent;
  state: 'begun' | 'done';
  begun_at: Date;
}

/** What the last look at a tenant's retention came to. */
export interface RetentionLook {
  /** The tenant. */
  _id: string;
  at: Date;
  retired: number;
  /** The first batch that should have gone and did not, and why. */
  stopped?: { batch: string; reason: 'hold' | 'lock' | 'suspended' | 'failing'; code?: string };
  orphans?: OrphanedObject[];
}

/** An object in the cold store that no batch record names. */
export interface OrphanedObject {
  key: string;
  storedAt: Date;
}

/** Batches that were, or are being, retired, and what keeps others from it. */
@Injectable()
export class Retirements {
  readonly collection: mongoose.mongo.Collection<Retirement>;
  readonly looks: mongoose.mongo.Collection<RetentionLook>;

  constructor(store: MongoStore) {
    this.collection = store.collection<Retirement>('archive_retirements');
    this.looks = store.collection<RetentionLook>('retention_looks');
  }

  /** Durable on return. Of two the first is kept; resolves with it. */
  async add(retirement: Retirement): Promise<Retirement> {
    try {
      await this.collection.insertOne(retirement);
      return retirement;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return (await this.find(retirement._id)) ?? retirement;
    }
  }

  async find(batchId: string): Promise<Retirement | null> {
    return this.collection.findOne({ _id: batchId }, { promoteBuffers: true });
  }

  /** Those that are not over, in order. */
  async begun(tenant: string): Promise<Retirement[]> {
    return this.collection.find({ tenant, state: 'begun' }, { promoteBuffers: true }).sort({ startSeq: 1 }).toArray();
  }

  async done(batchId: string): Promise<void> {
    await this.collection.updateOne({ _id: batchId }, { $set: { state: 'done' } });
  }

  /** The batch is kept after all. A tombstone that lies there already retires nothing; it is used when the batch is due. */
  async withdraw(batchId: string): Promise<void> {
    await this.collection.deleteOne({ _id: batchId, state: 'begun' });
  }

  async looked({ _id, stopped, ...look }: Omit<RetentionLook, 'orphans'>): Promise<void> {
    const change = stopped ? { $set: { ...look, stopped } } : { $set: look, $unset: { stopped: '' as const } };
    await this.looks.updateOne({ _id }, change, { upsert: true, ignoreUndefined: true });
  }

  async orphaned(tenant: string, orphans: OrphanedObject[]): Promise<void> {
    await this.looks.updateOne({ _id: tenant }, { $set: { orphans } }, { upsert: true });
  }

  async look(tenant: string): Promise<RetentionLook | null> {
    return this.looks.findOne({ _id: tenant });
  }
}
