import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import type { Tier } from '#libs/ledger';
import { MongoStore } from '#libs/mongo';

/** What the newest verification of a whole ledger found. */
export interface LedgerResult {
  /** The tenant. */
  _id: string;
  verification: string;
  tier: Tier;
  size: number;
  breaks: number;
  verified_at: Date;
}

@Injectable()
export class LedgerVerdicts {
  private readonly collection: mongoose.mongo.Collection<LedgerResult>;

  constructor(store: MongoStore) {
    this.collection = store.collection<LedgerResult>('ledger_verdicts');
  }

  /** The newest stands, whoever comes late. */
  async keep({ _id, ...result }: LedgerResult): Promise<void> {
    const { verified_at } = result;
    const older = { _id, verified_at: { $lte: verified_at } };
    const { matchedCount } = await this.collection.updateOne(older, { $set: result });
    if (matchedCount === 0) await this.collection.updateOne({ _id }, { $setOnInsert: result }, { upsert: true });
  }

  async all(): Promise<LedgerResult[]> {
    return this.collection.find({}).sort({ _id: 1 }).toArray();
  }
}
