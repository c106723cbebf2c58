import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { SealedEvent } from '../audit.types.js';
import type { Erasure, ErasureState, ErasureStep } from '../erasure/erasure.types.js';

const UNFINISHED: ErasureState[] = ['intended', 'committed', 'destroyed'];
const STEP = { _id: 1, pseudonym: 1, state: 1 };

/** Erasures, each with its receipt. One for each pseudonym: of two orders at once the first is kept. */
@Injectable()
export class Erasures {
  readonly collection: mongoose.mongo.Collection<Erasure>;

  constructor(store: MongoStore) {
    this.collection = store.collection<Erasure>('erasures');
  }

  /** Durable on return. Resolves with the one that is kept. */
  async add(erasure: Erasure): Promise<Erasure> {
    try {
      await this.collection.insertOne(erasure, { ignoreUndefined: true });
      return erasure;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const kept = await this.of(erasure.tenant, erasure.pseudonym);
      if (!kept) throw error;
      return kept;
    }
  }

  async find(tenant: string, id: string): Promise<Erasure | null> {
    return this.collection.findOne({ tenant, _id: id }, { promoteBuffers: true });
  }

  async of(tenant: string, pseudonym: string): Promise<Erasure | null> {
    return this.collection.findOne({ tenant, pseudonym }, { promoteBuffers: true });
  }

  /** Newest first, older than `before`. */
  async page(tenant: string, { before, limit }: { before?: string | undefined; limit: number }): Promise<Erasure[]> {
    const older = before === undefined ? {} : { _id: { $lt: before } };
    return this.collection
      .find({ tenant, ...older }, { limit, promoteBuffers: true })
      .sort({ _id: -1 })
      .toArray();
  }

  /** Those that were begun and are not over, oldest first. */
  async unfinished(): Promise<Erasure[]> {
    return this.collection
      .find({ state: { $in: UNFINISHED } }, { promoteBuffers: true })
      .sort({ _id: 1 })
      .toArray();
  }

  /** Of these persons all there ever were; or, when none are named, of everyone those that are not over. */
  async underWay(tenant: string, pseudonyms: readonly string[] | undefined): Promise<ErasureStep[]> {
    const which = pseudonyms ? { pseudonym: { $in: [...pseudonyms] } } : { state: { $in: UNFINISHED } };
    return this.collection.find({ tenant, ...which }, { projection: STEP }).toArray();
  }

  /** Of these, as far as they are now; those that were withdrawn are left out. */
  async steps(tenant: string, ids: readonly string[]): Promise<ErasureStep[]> {
    return this.collection.find({ tenant, _id: { $in: [...ids] } }, { projection: STEP }).toArray();
  }

  /** Their pseudonyms by id, of those that were carried out. */
  async carriedOut(tenant: string): Promise<Map<string, string>> {
    const state = { $in: ['committed', 'destroyed', 'done'] satisfies ErasureState[] };
    const found = await this.collection.find({ tenant, state }, { projection: { _id: 1, pseudonym: 1 } }).toArray();
    return new Map(found.map(({ _id, pseudonym }) => [_id, pseudonym]));
  }

  /** False when it is in none of the states `from` (any more). */
  async setState(
    id: string,
    from: readonly ErasureState[],
    to: ErasureState,
    set: Partial<Pick<Erasure, 'done_at'>> = {},
  ): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne(
      { _id: id, state: { $in: [...from] } },
      { $set: { state: to, ...set } },
    );
    return matchedCount === 1;
  }

  /** Of two events for one erasure the first is kept; this one, where there is none yet. Resolves with the kept one. */
  async setEvent(id: string, event: SealedEvent): Promise<SealedEvent> {
    await this.collection.updateOne({ _id: id, event: { $exists: false } }, { $set: { event } });
    const kept = await this.collection.findOne({ _id: id }, { projection: { event: 1 }, promoteBuffers: true });
    return kept?.event ?? event;
  }

  /** The event cannot be recorded any more. */
  async dropEvent(id: string, eventId: string): Promise<void> {
    await this.collection.updateOne({ _id: id, 'event.id': eventId }, { $unset: { event: '' } });
  }

  /** It was only intended, and a hold came first. False when it is further than that. */
  async withdraw(id: string): Promise<boolean> {
    return (await this.collection.deleteOne({ _id: id, state: 'intended' })).deletedCount === 1;
  }

  /** The key is there again: the erasure has to be finished once more, with an event of its own. */
  async again(id: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id },
      { $set: { state: 'committed' }, $inc: { replays: 1 }, $unset: { event: '' } },
    );
  }
}
