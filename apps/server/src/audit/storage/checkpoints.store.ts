import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';

/** One signed checkpoint, as kept. */
export interface StoredCheckpoint {
  /** `<tenant>:<size in 16 digits>`. */
  _id: string;
  tenant: string;
  origin: string;
  size: number;
  root: Uint8Array;
  /** The signed note: text and signature lines. */
  note: string;
  /** Over the note's text; a quick check for ourselves, never shown. */
  mac: Uint8Array;
  mac_key_id: string;
  signed_at: Date;
}

@Injectable()
export class Checkpoints {
  readonly collection: mongoose.mongo.Collection<StoredCheckpoint>;

  constructor(store: MongoStore) {
    this.collection = store.collection<StoredCheckpoint>('ledger_checkpoints');
  }

  /** Of two signers of one size the first is kept. Returns the kept one's root when it is not this one's. */
  async add(checkpoint: StoredCheckpoint): Promise<Uint8Array | undefined> {
    try {
      await this.collection.insertOne(checkpoint);
      return undefined;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const kept = await this.collection.findOne(
        { tenant: checkpoint.tenant, size: checkpoint.size },
        { promoteBuffers: true },
      );
      return kept && Buffer.compare(kept.root, checkpoint.root) !== 0 ? kept.root : undefined;
    }
  }

  async newest(tenant: string): Promise<StoredCheckpoint | null> {
    return this.collection.findOne({ tenant }, { sort: { size: -1 }, promoteBuffers: true });
  }

  /** 0 when none is signed yet. */
  async newestSize(tenant: string): Promise<number> {
    const newest = await this.collection.findOne({ tenant }, { sort: { size: -1 }, projection: { _id: 0, size: 1 } });
    return newest?.size ?? 0;
  }
}
