import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import type { ArchivedLines } from '#libs/archive';
import { MongoStore } from '#libs/mongo';

/**
 * What a run is about to put, written before the first object: all of it that the hot entries and the checkpoint do not
 * say. A run that goes on after a death makes the same two objects of it.
 */
export interface ArchiveDraft {
  /** The tenant: one draft a ledger, the newest. */
  _id: string;
  /** Id of the batch to come. */
  batch: string;
  startSeq: number;
  endSeq: number;
  archivedAt: Date;
  /** Of the covering checkpoint. */
  checkpointSize: number;
  /** Size of the ledger by which the key is chosen that signs the manifest, and the key of its MAC. */
  signedAtSize: number;
  macKeyId: string;
  jsonl: ArchivedLines;
}

/** Not trusted: whatever of a draft cannot be found again in the hot entries decides nothing but where objects lie. */
@Injectable()
export class ArchiveDrafts {
  private readonly collection: mongoose.mongo.Collection<ArchiveDraft>;

  constructor(store: MongoStore) {
    this.collection = store.collection<ArchiveDraft>('archive_drafts');
  }

  async of(tenant: string): Promise<ArchiveDraft | null> {
    return this.collection.findOne({ _id: tenant });
  }

  /** Instead of the one before. */
  async keep(draft: ArchiveDraft): Promise<void> {
    await this.collection.replaceOne({ _id: draft._id }, draft, { upsert: true });
  }
}
