import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import { AuditError } from '../audit.errors.js';
import type { StoredTile } from '../domain/tile.js';

/** The full tiles of all ledgers. Trusted for nothing that the verifier checks. */
@Injectable()
export class Tiles {
  readonly collection: mongoose.mongo.Collection<StoredTile>;

  constructor(store: MongoStore) {
    this.collection = store.collection<StoredTile>('ledger_tiles');
  }

  /**
   * Resolves when all of them are durable; one that is there already with the same content stands. In order: if the
   * process dies here, or the reply is lost, a prefix of them is there, and adding them again is safe. Rejects with
   * AUDIT.TILE_CONTRADICTED when another tile is in the place of one.
   */
  async add(tiles: StoredTile[]): Promise<void> {
    try {
      await this.collection.insertMany(tiles, { ordered: true });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      for (const tile of tiles) await this.addOne(tile);
    }
  }

  async full(tenant: string, level: number, index: number): Promise<Uint8Array | undefined> {
    const found = await this.collection.findOne(
      { tenant, level, index },
      { projection: { _id: 0, hashes: 1 }, promoteBuffers: true },
    );
    return found?.hashes;
  }

  /** The roots of the tiles `from` to before `to` of this level, by index; of those that are there. */
  async roots(tenant: string, level: number, from: number, to: number): Promise<Uint8Array[]> {
    const found = await this.collection
      .find(
        { tenant, level, index: { $gte: from, $lt: to } },
        { projection: { _id: 0, root: 1 }, promoteBuffers: true },
      )
      .sort({ index: 1 })
      .toArray();
    return found.map(({ root }) => root);
  }

  /** How many tiles of this level there are: they are written in order. */
  async count(tenant: string, level: number): Promise<number> {
    const last = await this.collection.findOne(
      { tenant, level },
      { sort: { index: -1 }, projection: { _id: 0, index: 1 } },
    );
    return last ? last.index + 1 : 0;
  }

  /** The first `most` indexes below `before`, and below the last tile of this level, at which there is none. */
  async missing(tenant: string, level: number, { before, most }: { before: number; most: number }): Promise<number[]> {
    const found = this.collection
      .find({ tenant, level, index: { $gte: 0, $lt: before } }, { projection: { _id: 0, index: 1 } })
      .sort({ index: 1 });
    const missing: number[] = [];
    let next = 0;
    for await (const { index } of found) {
      for (; next < index && missing.length < most; next++) missing.push(next);
      if (missing.length === most) break;
      next = index + 1;
    }
    return missing;
  }

  private async addOne(tile: StoredTile): Promise<void> {
    try {
      await this.collection.insertOne(tile);
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const kept = await this.full(tile.tenant, tile.level, tile.index);
      if (kept && Buffer.compare(kept, tile.hashes) === 0) return;
      throw new AuditError(
        'AUDIT.TILE_CONTRADICTED',
        `the stored tile ${tile._id} is not the one that the entries make`,
      );
    }
  }
}
