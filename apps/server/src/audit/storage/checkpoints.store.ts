import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { entryId } from '#libs/ledger';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import {
  mergedCosignatures,
  type KeepReason,
  type StoredCheckpoint,
  type StoredCosignature,
} from '../domain/stored-checkpoint.js';

export type { KeepReason, StoredCheckpoint, StoredCosignature } from '../domain/stored-checkpoint.js';

/** What is published of a ledger: one document that only grows. */
interface Head {
  /** The tenant. */
  _id: string;
  /** Of the ledger's incarnation. */
  origin: string;
  size: number;
  published_at: Date;
}

/** Which one is published: the newest that others are shown. */
export type Published = Pick<StoredCheckpoint, 'tenant' | 'origin' | 'size'>;

/** Signed checkpoints. One is shown to nobody before it is published; what reads for others reads published ones alone. */
@Injectable()
export class Checkpoints {
  readonly collection: mongoose.mongo.Collection<StoredCheckpoint>;
  private readonly heads: mongoose.mongo.Collection<Head>;

  constructor(store: MongoStore) {
    this.collection = store.collection<StoredCheckpoint>('ledger_checkpoints');
    this.heads = store.collection<Head>('ledger_heads');
  }

  /** Of two signers of one size the first is kept. Returns the kept one's root when it is not this one's. */
  async add(checkpoint: StoredCheckpoint): Promise<Uint8Array | undefined> {
    try {
      await this.collection.insertOne(checkpoint);
      return undefined;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const kept = await this.signed(checkpoint.tenant, checkpoint.size);
      return kept && Buffer.compare(kept.root, checkpoint.root) !== 0 ? kept.root : undefined;
    }
  }

  /** The newest signed one, published or not. */
  async newest(tenant: string): Promise<StoredCheckpoint | null> {
    return this.collection.findOne({ tenant }, { sort: { size: -1 }, promoteBuffers: true });
  }

  /** Of the newest signed one; 0 when none is signed yet. */
  async newestSize(tenant: string): Promise<number> {
    const newest = await this.collection.findOne({ tenant }, { sort: { size: -1 }, projection: { _id: 0, size: 1 } });
    return newest?.size ?? 0;
  }

  /** The newest published one; null while there is none. */
  async published(tenant: string): Promise<StoredCheckpoint | null> {
    const size = await this.publishedSize(tenant);
    return size === 0 ? null : this.signed(tenant, size);
  }

  /** 0 while nothing is published. */
  async publishedSize(tenant: string): Promise<number> {
    const head = await this.heads.findOne({ _id: tenant }, { projection: { _id: 0, size: 1 } });
    return head?.size ?? 0;
  }

  /** The published one of exactly this size. */
  async at(tenant: string, size: number): Promise<StoredCheckpoint | null> {
    return size <= (await this.publishedSize(tenant)) ? this.signed(tenant, size) : null;
  }

  /** The smallest published one of at least this size. */
  async newestAtLeast(tenant: string, size: number): Promise<StoredCheckpoint | null> {
    const $lte = await this.publishedSize(tenant);
    return this.collection.findOne({ tenant, size: { $gte: size, $lte } }, { sort: { size: 1 }, promoteBuffers: true });
  }

  /** The newest published one that was signed by then; of the anchored ones where only those count. */
  async newestSignedBy(
    tenant: string,
    then: Date,
    { anchored }: { anchored: boolean },
  ): Promise<StoredCheckpoint | null> {
    const $lte = await this.publishedSize(tenant);
    return this.collection.findOne(
      { tenant, signed_at: { $lte: then }, size: { $lte }, ...(anchored && { keep: 'anchored' }) },
      { sort: { signed_at: -1, size: -1 }, promoteBuffers: true },
    );
  }

  /** The smallest published one of at least this size; of the anchored ones where only those count. */
  async smallestCovering(
    tenant: string,
    size: number,
    { anchored }: { anchored: boolean },
  ): Promise<StoredCheckpoint | null> {
    if (!anchored) return this.newestAtLeast(tenant, size);
    const $lte = await this.publishedSize(tenant);
    return this.collection.findOne(
      { tenant, size: { $gte: size, $lte }, keep: 'anchored' },
      { sort: { size: 1 }, promoteBuffers: true },
    );
  }

  /** Published ones, newest first, of less than `before_size` where that is given. */
  async page(
    tenant: string,
    { before_size: before, limit }: { before_size?: number | undefined; limit: number },
  ): Promise<StoredCheckpoint[]> {
    const published = await this.publishedSize(tenant);
    const size = before === undefined || before > published ? { $lte: published } : { $lt: before };
    return this.collection.find({ tenant, size }, { promoteBuffers: true, limit }).sort({ size: -1 }).toArray();
  }

  /**
   * Compare-and-set on the one head document: it never goes back, whoever comes late. False when the head is of another
   * origin: another incarnation of the ledger is published, and this one must not be.
   */
  async publish({ tenant, origin, size }: Published): Promise<boolean> {
    try {
      await this.heads.updateOne(
        { _id: tenant, origin, size: { $lt: size } },
        { $set: { size, published_at: new Date() } },
        { upsert: true },
      );
      return true;
    } catch (error) {
      // There is a head that is not behind: as far or further, or of another origin.
      if (!isDuplicateKey(error)) throw error;
      const head = await this.heads.findOne({ _id: tenant }, { projection: { _id: 0, origin: 1 } });
      return head?.origin === origin;
    }
  }

  /** Nothing is published of the incarnation with this origin, and nothing more of another. */
  async beginAnew(tenant: string, origin: string): Promise<void> {
    const other = { _id: tenant, origin: { $ne: origin } };
    await this.heads.updateOne(other, { $set: { origin, size: 0, published_at: new Date() } });
  }

  /** Adds lines under a signed checkpoint. False when there is none of this size (any more). May be called twice. */
  async addCosignatures(tenant: string, size: number, added: readonly StoredCosignature[]): Promise<boolean> {
    for (;;) {
      const kept = await this.signed(tenant, size);
      if (!kept) return false;
      const { _id, cosigned } = kept;
      const cosignatures = mergedCosignatures(kept.cosignatures, added);
      const { matchedCount } = await this.collection.updateOne(
        { _id, cosigned },
        { $set: { cosignatures }, $inc: { cosigned: 1 } },
      );
      if (matchedCount === 1) return true;
    }
  }

  /** Keeps a signed checkpoint for ever. False when there is none of this size (any more). May be called twice. */
  async keepFor(tenant: string, size: number, reason: KeepReason): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne(
      { _id: entryId(tenant, size) },
      { $addToSet: { keep: reason }, $unset: { thin_after: '' } },
    );
    return matchedCount === 1;
  }

  /**
   * Removes what nothing keeps and whose time is over by `now`, but of each ledger never the newest published one or a
   * newer one. Resolves with how many went. May be done by several processes at once, and again.
   */
  async thin(now: Date): Promise<number> {
    const due = { thin_after: { $lte: now } };
    const published = new Map<string, number>();
    let thinned = 0;
    for await (const { _id, tenant, size } of this.collection.find(due, {
      projection: { _id: 1, tenant: 1, size: 1 },
      batchSize: 1_000,
    })) {
      if (!published.has(tenant)) published.set(tenant, await this.publishedSize(tenant));
      if (size >= (published.get(tenant) ?? 0)) continue;
      // Whoever keeps it in between takes `thin_after` from it.
      thinned += (await this.collection.deleteOne({ _id, ...due })).deletedCount;
    }
    return thinned;
  }

  private async signed(tenant: string, size: number): Promise<StoredCheckpoint | null> {
    return this.collection.findOne({ tenant, size }, { promoteBuffers: true });
  }
}
