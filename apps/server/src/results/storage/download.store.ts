import { Injectable } from '@nestjs/common';
import { MongoStore, outboxOf, outboxUpdate, type OutboxEvent, type OutboxFields } from '#libs/mongo';
import type { Download } from '../results.types.js';

export const DOWNLOADS = 'downloads';

interface DownloadDocument extends Omit<Download, 'id'>, OutboxFields {
  _id: string;
  /** True until the outcome is known. */
  open: boolean;
  started_at: Date;
}

const HIDDEN = { open: 0, started_at: 0, outbox: 0, outbox_due: 0, outbox_attempts: 0 } as const;

/** Downloads that are under way, each until its outcome is in the ledger: so a crash leaves none without one. */
@Injectable()
export class DownloadStore {
  constructor(private readonly store: MongoStore) {}

  /** Durable on return, with its event. */
  async begin({ id, ...download }: Download, events: readonly OutboxEvent[]): Promise<void> {
    const change = {
      $set: { ...download, open: true, ...outboxOf(events) },
      $currentDate: { started_at: true as const },
    };
    await this.downloads().updateOne({ _id: id }, change, { upsert: true });
  }

  /** False, with nothing changed, when it has an outcome already. */
  async end(id: string, events: readonly OutboxEvent[]): Promise<boolean> {
    const { $push, $set } = outboxUpdate(events);
    const { matchedCount } = await this.downloads().updateOne(
      { _id: id, open: true },
      { $set: { open: false, ...$set }, $push },
    );
    return matchedCount === 1;
  }

  /** Removes the record of one whose outcome is in the ledger. */
  async forget(id: string): Promise<void> {
    await this.downloads().deleteOne({ _id: id, open: false, outbox: [] });
  }

  /** What a crash kept from being forgotten. */
  async forgetEnded(): Promise<void> {
    await this.downloads().deleteMany({ open: false, outbox: [] });
  }

  /** Those begun at least `ageMs` ago by the store's clock and still without an outcome; at most 1,000. */
  async abandoned(ageMs: number): Promise<Download[]> {
    const before = new Date((await this.store.now()).getTime() - ageMs);
    const found = await this.downloads()
      .find({ open: true, started_at: { $lte: before } }, { projection: HIDDEN })
      .limit(1_000)
      .toArray();
    return found.map(({ _id, ...download }) => ({ id: _id, ...download }));
  }

  private downloads() {
    return this.store.collection<DownloadDocument>(DOWNLOADS);
  }
}
