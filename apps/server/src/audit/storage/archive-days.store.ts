import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import { MongoStore } from '#libs/mongo';

interface LastDay {
  _id: 'archive';
  /** `yyyy-mm-dd`, UTC. */
  day: string;
}

/** Which day's archiving is done, for all processes. */
@Injectable()
export class ArchiveDays {
  private readonly collection: mongoose.mongo.Collection<LastDay>;

  constructor(store: MongoStore) {
    this.collection = store.collection<LastDay>('archive_days');
  }

  /** `yyyy-mm-dd`; null before the first. */
  async last(): Promise<string | null> {
    return (await this.collection.findOne({ _id: 'archive' }))?.day ?? null;
  }

  /** That day's is done. May be said twice. */
  async done(day: string): Promise<void> {
    await this.collection.updateOne({ _id: 'archive' }, { $set: { day } }, { upsert: true });
  }
}
