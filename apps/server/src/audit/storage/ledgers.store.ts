import { Inject, Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { assertOrigin, incarnationOf, originOf } from '../domain/origin.js';

/** One ledger, as it was created or opened anew. */
export interface Ledger {
  /** The tenant, or `system`. */
  _id: string;
  /** Of the incarnation that is written to: fixed when that was opened. */
  origin: string;
  state: 'open' | 'suspended';
  created_at: Date;
  /** Why and when it was suspended. */
  suspended?: { reason: string; at: Date };
  /** The incarnations before this one, oldest first. */
  former?: FormerIncarnation[];
}

/** One that was given up: the store is no longer what was signed in its name. */
export interface FormerIncarnation {
  origin: string;
  /** The last checkpoint that the store still has as a prefix; size 0 when there is none. */
  good_size: number;
  /** The first seq of the incarnation after it. */
  next_seq: number;
  suspended?: { reason: string; at: Date };
}

/** The origin of the next incarnation, and those before it that the store did not name yet. */
export interface Reopening {
  origin: string;
  former: FormerIncarnation[];
}

/** How long another process's suspension may go unseen here, in milliseconds. */
const STATE_MS = 1_000;

/** The origins of all incarnations of a ledger, oldest first. */
export const originsOf = ({ origin, former = [] }: Pick<Ledger, 'origin' | 'former'>): string[] => [
  ...former.map((before) => before.origin),
  origin,
];

/** Which ledgers there are. */
@Injectable()
export class Ledgers {
  private readonly ledgers: mongoose.mongo.Collection<Ledger>;
  private readonly known = new Map<string, { ledger: Ledger; readAt: number }>();

  constructor(
    @Inject(MongoStore) store: MongoStore,
    @Inject(Settings) private readonly settings: Pick<Settings, 'origin'>,
  ) {
    this.ledgers = store.collection<Ledger>('ledgers');
  }

  /** Throws AUDIT.ORIGIN_CHANGED when a ledger was created under another ASSAY_ORIGIN. */
  async assertOrigins(): Promise<void> {
    for (const { _id, origin } of await this.all()) {
      const expected = originOf(this.settings.origin, _id);
      if (incarnationOf(this.settings.origin, _id, origin) !== undefined) continue;
      throw new AuditError(
        'AUDIT.ORIGIN_CHANGED',
        `the ledger of ${_id} is ${origin}, ASSAY_ORIGIN would make it ${expected}`,
      );
    }
  }

  /** The tenant's ledger, created when there is none; at most a second old. Throws AUDIT.TENANT_INVALID. */
  async ledger(tenant: string): Promise<Ledger> {
    const known = this.known.get(tenant);
    if (known && performance.now() - known.readAt < STATE_MS) return known.ledger;
    return this.remember((await this.ledgers.findOne({ _id: tenant })) ?? (await this.created(tenant)));
  }

  /** Resolves with the origin of the open incarnation. Throws AUDIT.SUSPENDED. */
  async assertOpen(tenant: string): Promise<string> {
    const { origin, state, suspended } = await this.ledger(tenant);
    if (state === 'suspended') {
      throw new AuditError(
        'AUDIT.SUSPENDED',
        `the ledger of ${tenant} is suspended: ${suspended?.reason ?? 'unknown'}`,
      );
    }
    return origin;
  }

  /** What the origin of this tenant's ledger was made, whatever the store says. Throws AUDIT.TENANT_INVALID. */
  originOf(tenant: string): string {
    return originOf(this.settings.origin, tenant);
  }

  /** The ledger, or null; creates none. */
  async find(tenant: string): Promise<Ledger | null> {
    return this.ledgers.findOne({ _id: tenant });
  }

  async all(): Promise<Ledger[]> {
    return this.ledgers.find({}).sort({ _id: 1 }).toArray();
  }

  /**
   * No appends from now on, in any process within a second. False when this incarnation is not open (any more): the
   * first reason stands.
   */
  async suspend({ _id, origin }: Pick<Ledger, '_id' | 'origin'>, reason: string): Promise<boolean> {
    const { modifiedCount } = await this.ledgers.updateOne(
      { _id, origin, state: 'open' },
      { $set: { state: 'suspended', suspended: { reason, at: new Date() } } },
    );
    this.known.delete(_id);
    return modifiedCount === 1;
  }

  /** A ledger that was signed and that the store no longer knows: there again, suspended. False when it is there. */
  async addSuspended({ _id, origin }: Pick<Ledger, '_id' | 'origin'>, reason: string): Promise<boolean> {
    const at = new Date();
    try {
      await this.ledgers.insertOne({ _id, origin, state: 'suspended', created_at: at, suspended: { reason, at } });
      this.known.delete(_id);
      return true;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return false;
    }
  }

  /** Opens the incarnation after `before`. False when the ledger is not that one, suspended (any more). */
  async reopen(before: Pick<Ledger, '_id' | 'origin'>, { origin, former }: Reopening): Promise<boolean> {
    const { modifiedCount } = await this.ledgers.updateOne(
      { _id: before._id, origin: before.origin, state: 'suspended' },
      { $set: { state: 'open', origin }, $push: { former: { $each: former } }, $unset: { suspended: '' } },
    );
    this.known.delete(before._id);
    return modifiedCount === 1;
  }

  private async created(tenant: string): Promise<Ledger> {
    const origin = originOf(assertOrigin(this.settings.origin), tenant);
    const ledger: Ledger = { _id: tenant, origin, state: 'open', created_at: new Date() };
    try {
      await this.ledgers.insertOne(ledger);
      return ledger;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return (await this.find(tenant)) ?? ledger;
    }
  }

  private remember(ledger: Ledger): Ledger {
    this.known.set(ledger._id, { ledger, readAt: performance.now() });
    return ledger;
  }
}
