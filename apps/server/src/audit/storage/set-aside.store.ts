import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import { fullTiles, type StoredTile } from '../domain/tile.js';
import type { StoredCheckpoint } from '../domain/stored-checkpoint.js';
import { Checkpoints } from './checkpoints.store.js';
import { LedgerEntries } from './ledger-entries.store.js';
import { Tiles } from './tiles.store.js';

/** A document of an incarnation that was given up, as it was. */
interface SetAside {
  /** `<tenant>/<incarnation>/<collection>/<_id>`: of the incarnation that comes after it. */
  _id: string;
  tenant: string;
  document: mongoose.mongo.Document;
}

const BATCH = 100;
/** 256^7 leaves are more than 2^53. */
const TOP_LEVEL = 6;

/** What contradicts a ledger's next incarnation is taken out of its way and kept: it may be evidence. */
@Injectable()
export class SetAsides {
  private readonly setAsides: mongoose.mongo.Collection<SetAside>;

  constructor(
    store: MongoStore,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly tiles: Tiles,
  ) {
    this.setAsides = store.collection<SetAside>('ledger_set_aside');
  }

  /** Entries from `seq` on. May be done again after a crash, as the two below. */
  async entriesFrom(tenant: string, seq: number, incarnation: number): Promise<void> {
    await this.move(this.entries.collection, { tenant, seq: { $gte: seq } }, { tenant, incarnation });
  }

  async checkpointsAbove(tenant: string, size: number, incarnation: number): Promise<void> {
    const above: mongoose.mongo.Filter<StoredCheckpoint> = { tenant, size: { $gt: size } };
    await this.move(this.checkpoints.collection, above, { tenant, incarnation });
  }

  /** Those that hold a leaf from `size` on. */
  async tilesBeyond(tenant: string, size: number, incarnation: number): Promise<void> {
    for (let level = TOP_LEVEL; level >= 0; level--) {
      const beyond: mongoose.mongo.Filter<StoredTile> = { tenant, level, index: { $gte: fullTiles(level, size) } };
      await this.move(this.tiles.collection, beyond, { tenant, incarnation });
      // If the process dies here, no tile is left without those below it: the next one goes on.
    }
  }

  private async move<T extends mongoose.mongo.Document>(
    from: mongoose.mongo.Collection<T>,
    which: mongoose.mongo.Filter<T>,
    { tenant, incarnation }: { tenant: string; incarnation: number },
  ): Promise<void> {
    for (;;) {
      const found = await from.find(which, { limit: BATCH }).toArray();
      if (found.length === 0) return;
      const copies = found.map((document) => ({
        _id: `${tenant}/${incarnation}/${from.collectionName}/${String(document._id)}`,
        tenant,
        document,
      }));
      await this.setAsides.insertMany(copies, { ordered: false }).catch((error: unknown) => {
        // Copied before a crash.
        if (!isDuplicateKey(error)) throw error;
      });
      // If the process dies here, they are in both places: the next one copies nothing and deletes them.
      await from.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } } as mongoose.mongo.Filter<T>);
    }
  }
}
