import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import type { StoredEntry } from '#libs/ledger';
import { isDuplicateKey, MongoStore } from '#libs/mongo';
import type { Gap } from '../domain/gaps.js';
import { newestPage, PAGE_PARTS, type EntryOfPage, type PageOfEntries } from './ledger-entries.store.js';

/** A copy of an archived entry. */
export interface RestoredEntry extends StoredEntry {
  restoration: string;
}

/**
 * Copies of archived entries, for the filters that only a database answers. Apart from `ledger_entries`: what is
 * verified, signed and archived is not these.
 */
@Injectable()
export class RestoredEntries {
  readonly collection: mongoose.mongo.Collection<RestoredEntry>;

  constructor(store: MongoStore) {
    this.collection = store.collection<RestoredEntry>('restored_entries');
  }

  /** Durable on return. If the process dies here, some are there; adding the same again is safe. */
  async add(restoration: string, entries: readonly StoredEntry[]): Promise<void> {
    const documents = entries.map((entry) => ({ ...entry, _id: `${restoration}:${entry._id}`, restoration }));
    // Unordered: those that are there do not keep the others away.
    await this.collection.insertMany(documents, { ordered: false }).catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
    });
  }

  /** As `LedgerEntries.page`. */
  async page(restoration: string, asked: PageOfEntries): Promise<EntryOfPage[]> {
    return newestPage(this.collection, { restoration }, asked);
  }

  /** The first of those in the gap, in order. */
  async between(restorations: readonly string[], { from, to, limit }: Gap): Promise<EntryOfPage[]> {
    const pages: EntryOfPage[] = [];
    for (const restoration of restorations) {
      const found = await this.collection
        .find(
          { restoration, seq: { $gte: from, $lt: to } },
          { projection: PAGE_PARTS, promoteBuffers: true, limit: limit - pages.length },
        )
        .sort({ seq: 1 })
        .toArray();
      pages.push(...found);
      if (pages.length >= limit) break;
    }
    return pages;
  }

  async find(restoration: string, eventId: string): Promise<EntryOfPage | null> {
    return this.collection.findOne(
      { restoration, event_id: eventId },
      { projection: PAGE_PARTS, promoteBuffers: true },
    );
  }

  async count(restoration: string): Promise<number> {
    return this.collection.countDocuments({ restoration });
  }

  /** Removes the entries of every restoration that is not `known`. How many there were. */
  async sweep(known: (restoration: string) => Promise<boolean>): Promise<number> {
    let removed = 0;
    for (let last = ''; ;) {
      const next = await this.collection.findOne(
        { restoration: { $gt: last } },
        { sort: { restoration: 1 }, projection: { _id: 0, restoration: 1 } },
      );
      if (!next) return removed;
      last = next.restoration;
      if (!(await known(last))) removed += (await this.collection.deleteMany({ restoration: last })).deletedCount;
    }
  }
}
