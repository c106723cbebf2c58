import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { MongoStore } from '#libs/mongo';
import type { Compromise } from '../keys/key-ring.js';

/** The public half of a key, for processes that do not hold the key. */
export interface StoredPublicKey {
  /** Of the key: first 16 hex digits of the SHA-256 of the public key. */
  _id: string;
  purpose: 'note' | 'cosignature' | 'event';
  /** The one ledger it signs; null: those that have no key of their own. */
  tenant: string | null;
  /** Base64. */
  public_key: string;
  created_at: string;
  retired_at?: string;
  /** As the ring of its process has it. */
  compromised?: Compromise[];
}

/** Trusted for nothing that is proved: a verifier that takes its keys from here says `unpinned`. */
@Injectable()
export class LedgerKeys {
  private readonly keys: mongoose.mongo.Collection<StoredPublicKey>;

  constructor(store: MongoStore) {
    this.keys = store.collection<StoredPublicKey>('ledger_keys');
  }

  async put({ _id, ...key }: StoredPublicKey): Promise<void> {
    await this.keys.replaceOne({ _id }, key, { upsert: true });
  }

  async all(): Promise<StoredPublicKey[]> {
    return this.keys.find({}).sort({ created_at: 1 }).toArray();
  }
}
