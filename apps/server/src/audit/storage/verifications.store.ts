import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import type { Actor } from '#libs/ledger';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { LedgerVerdict, Verification } from '../verification/verification.types.js';

/** A tenant's requested verifications that may wait or run at once; the background's has a slot of its own. */
const SLOTS = { request: [1, 2], background: [0] };

/** Has a slot: the indexes of the queue hold no others. */
const UNDER_WAY = { $exists: true };

/** On whose behalf it runs, for the event at its end. */
export interface VerificationRequester {
  actor: Actor;
  /** Id of the API key, or what stands for it. */
  credential: string;
}

/** What a run left behind for whoever takes it up. */
export interface SavedRun {
  text: string;
  /** HMAC over the text: what the database holds of a verification of the database is not taken on its word. */
  mac: Uint8Array;
  mac_key_id: string;
}

interface VerificationDocument extends Omit<Verification, 'id'> {
  _id: string;
  requester: VerificationRequester;
  cancel_requested: boolean;
  /** Fencing token: grows whenever a process takes the run. */
  token: number;
  attempts: number;
  owner?: string;
  /** By the store's clock. */
  lease_at?: Date;
  /** There until it is over. */
  slot?: number;
  saved?: SavedRun;
}

/** A run that this process holds. A write with an older token than the document's changes nothing. */
export interface HeldRun extends Verification {
  token: number;
  attempts: number;
  requester: VerificationRequester;
  saved?: SavedRun | undefined;
}

/** Verifications that were asked for, with how far they are, and what came of them. */
@Injectable()
export class Verifications {
  readonly collection: mongoose.mongo.Collection<VerificationDocument>;

  constructor(private readonly store: MongoStore) {
    this.collection = store.collection<VerificationDocument>('ledger_verifications');
  }

  /** Durable on return; false when the tenant has as many under way as it may. */
  async add(verification: Verification, requester: VerificationRequester): Promise<boolean> {
    const { id: _id, ...shown } = verification;
    for (const slot of SLOTS[verification.origin]) {
      try {
        await this.collection.insertOne(
          { _id, ...shown, requester, cancel_requested: false, token: 0, attempts: 0, slot },
          { ignoreUndefined: true },
        );
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    }
    return false;
  }

  async find(tenant: string, id: string): Promise<Verification | null> {
    const found = await this.collection.findOne({ _id: id, tenant });
    return found && shownOf(found);
  }

  /** Newest first, older than `before`; without their reports. */
  async page(
    tenant: string,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<Verification[]> {
    const found = await this.collection
      .find(
        { tenant, ...(before !== undefined && { _id: { $lt: before } }) },
        { projection: { report: 0, saved: 0 }, limit },
      )
      .sort({ _id: -1 })
      .toArray();
    return found.map(shownOf);
  }

  /**
   * Takes one that waits, that this owner left behind when it died, or whose process has been silent for `leaseMs`: of the tenant after `tenant` in order, round
   * and round, so that one tenant's do not keep another's waiting. Null when there is none, or another took it.
   */
  async take(owner: string, leaseMs: number, tenant: string): Promise<HeldRun | null> {
    const silent = new Date((await this.store.now()).getTime() - leaseMs);
    const running = { slot: UNDER_WAY, state: 'running' } as const;
    const queued = { slot: UNDER_WAY, state: 'queued' } as const;
    const next =
      (await this.collection.findOne({ ...running, owner })) ??
      (await this.collection.findOne({ ...running, lease_at: { $lte: silent } }, { sort: { lease_at: 1 } })) ??
      (await this.collection.findOne({ ...queued, tenant: { $gt: tenant } }, { sort: { tenant: 1, _id: 1 } })) ??
      (await this.collection.findOne(queued, { sort: { tenant: 1, _id: 1 } }));
    if (next === null) return null;
    const { _id, token, started_at } = next;
    const taken = await this.collection.findOneAndUpdate(
      { _id, token, state: next.state, ...(next.lease_at && { lease_at: next.lease_at }) },
      {
        $set: { state: 'running', owner, started_at: started_at ?? new Date() },
        $inc: { token: 1, attempts: 1, rev: 1 },
        $currentDate: { lease_at: true },
      },
      { returnDocument: 'after', promoteBuffers: true },
    );
    return taken && { ...shownOf(taken), ...heldOf(taken) };
  }

  /** Renews the lease, tells how far the run is, and keeps `saved` where given. `lost`: another process has the run. */
  async renew(
    { id, token }: Pick<HeldRun, 'id' | 'token'>,
    progress: Verification['progress'],
    saved?: SavedRun,
  ): Promise<'held' | 'cancel' | 'lost'> {
    const kept = await this.collection.findOneAndUpdate(
      { _id: id, token, state: 'running' },
      { $set: { progress, ...(saved && { saved }) }, $inc: { rev: 1 }, $currentDate: { lease_at: true } },
      { projection: { cancel_requested: 1 } },
    );
    if (kept === null) return 'lost';
    return kept.cancel_requested ? 'cancel' : 'held';
  }

  /** False, with nothing changed, when another process has the run. */
  async end(
    { id, token }: Pick<HeldRun, 'id' | 'token'>,
    outcome:
      | { state: 'done'; report: LedgerVerdict; progress: Verification['progress'] }
      | { state: 'canceled' }
      | { state: 'failed'; error: { code: string } },
  ): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne(
      { _id: id, token, state: 'running' },
      {
        $set: { ...outcome, finished_at: new Date() },
        $unset: { saved: true, slot: true, owner: true, lease_at: true },
        $inc: { rev: 1 },
      },
      { ignoreUndefined: true },
    );
    return matchedCount === 1;
  }

  /** Back into the queue, with what was saved: this process leaves, or failed and may try again. */
  async giveBack({ id, token }: Pick<HeldRun, 'id' | 'token'>, saved?: SavedRun): Promise<void> {
    await this.collection.updateOne(
      { _id: id, token, state: 'running' },
      {
        $set: { state: 'queued', ...(saved && { saved }) },
        $unset: { owner: true, lease_at: true },
        $inc: { rev: 1 },
      },
    );
  }

  /** One that waits is canceled at once, one that runs by its process. No change when it is over. */
  async cancel(tenant: string, id: string): Promise<Verification | null> {
    const waiting = await this.collection.findOneAndUpdate(
      { _id: id, tenant, state: 'queued' },
      {
        $set: { state: 'canceled', cancel_requested: true, finished_at: new Date() },
        $unset: { saved: true, slot: true },
        $inc: { rev: 1 },
      },
      { returnDocument: 'after' },
    );
    if (waiting) return shownOf(waiting);
    await this.collection.updateOne({ _id: id, tenant, state: 'running' }, { $set: { cancel_requested: true } });
    return this.find(tenant, id);
  }

  /** The background's newest one that reached a verdict, or waits. */
  async newestInBackground(tenant: string): Promise<Verification | null> {
    const found = await this.collection.findOne(
      { tenant, origin: 'background' },
      { sort: { _id: -1 }, projection: { saved: 0 } },
    );
    return found && shownOf(found);
  }

  /** Forgets those that ended before. */
  async forget(before: Date): Promise<void> {
    await this.collection.deleteMany({ finished_at: { $lt: before } });
  }
}

function shownOf(document: VerificationDocument): Verification {
  const {
    _id: id,
    tenant,
    state,
    origin,
    asked,
    progress,
    created_at,
    started_at,
    finished_at,
    rev,
    report,
    error,
  } = document;
  return { id, tenant, state, origin, asked, progress, created_at, started_at, finished_at, rev, report, error };
}

const heldOf = ({ token, attempts, requester, saved }: VerificationDocument): Omit<HeldRun, keyof Verification> => ({
  token,
  attempts,
  requester,
  saved,
});
