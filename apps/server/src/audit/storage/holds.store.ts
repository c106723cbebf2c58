import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { MongoStore } from '#libs/mongo';
import type { LegalHold } from '../domain/legal-hold.types.js';

/** Legal holds, those that ended too. Nobody's identifier is in one: persons are named by their pseudonyms. */
@Injectable()
export class LegalHolds {
  readonly collection: mongoose.mongo.Collection<LegalHold>;

  constructor(store: MongoStore) {
    this.collection = store.collection<LegalHold>('legal_holds');
  }

  /** Durable on return: from here on it blocks. */
  async add(hold: LegalHold): Promise<void> {
    await this.collection.insertOne(hold, { ignoreUndefined: true });
  }

  async find(tenant: string, id: string): Promise<LegalHold | null> {
    return this.collection.findOne({ tenant, _id: id }, { promoteBuffers: true });
  }

  /** Those that block something, oldest first. */
  async active(tenant: string): Promise<LegalHold[]> {
    return this.collection
      .find({ tenant, released_at: { $exists: false } }, { promoteBuffers: true })
      .sort({ _id: 1 })
      .toArray();
  }

  /** Newest first, older than `before`. */
  async page(tenant: string, { before, limit }: { before?: string | undefined; limit: number }): Promise<LegalHold[]> {
    const older = before === undefined ? {} : { _id: { $lt: before } };
    return this.collection
      .find({ tenant, ...older }, { limit, promoteBuffers: true })
      .sort({ _id: -1 })
      .toArray();
  }

  /** It blocks nothing any more. False when it was released before. */
  async release(id: string, at: Date, event: LegalHold['unrecorded'][number]): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne(
      { _id: id, released_at: { $exists: false } },
      { $set: { released_at: at, waits: true }, $push: { unrecorded: event } },
    );
    return matchedCount === 1;
  }

  /** The event is in the ledger. May be said twice. */
  async recorded(id: string, eventId: string): Promise<void> {
    await this.collection.updateOne({ _id: id }, { $pull: { unrecorded: { id: eventId } } });
    // If the process dies here, it is looked at once more and nothing is found.
    await this.collection.updateOne({ _id: id, unrecorded: { $size: 0 } }, { $unset: { waits: '' } });
  }

  /** Those with events that are not known to be in the ledger. */
  async unrecorded(): Promise<LegalHold[]> {
    return this.collection.find({ waits: true }, { promoteBuffers: true }).toArray();
  }

  /** Whether the tenant has, or once had, a hold. */
  async any(tenant: string): Promise<boolean> {
    return (await this.collection.findOne({ tenant }, { projection: { _id: 1 }, sort: { _id: 1 } })) !== null;
  }
}
