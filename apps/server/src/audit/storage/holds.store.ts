import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { uuidv7Time } from '#libs/kernel';
import { MongoStore } from '#libs/mongo';
import type { HoldTerms, LegalHold } from '../domain/legal-hold.types.js';

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

  /** Those that ended, too. */
  async all(tenant: string): Promise<LegalHold[]> {
    return this.collection.find({ tenant }, { promoteBuffers: true }).toArray();
  }

  /** False when it is there. */
  async putBack({ _id, ...terms }: HoldTerms): Promise<boolean> {
    const $setOnInsert = { ...terms, placed_at: new Date(uuidv7Time(_id)), unrecorded: [] };
    const { upsertedCount } = await this.collection.updateOne({ _id }, { $setOnInsert }, { upsert: true });
    return upsertedCount === 1;
  }

  /** It was never released. */
  async unrelease(id: string): Promise<void> {
    await this.collection.updateOne({ _id: id }, { $unset: { released_at: '' } });
  }

  /** The ledger never heard of its release, and cannot any more: it holds on. */
  async voidRelease(id: string, eventId: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id, 'unrecorded.id': eventId },
      { $unset: { released_at: '' }, $pull: { unrecorded: { id: eventId } } },
    );
  }

  /** Those that were not released, as their documents say, oldest first. */
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

  /** It is released once the ledger says so, by this event. False when that was ordered before. */
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
