import { Injectable } from '@nestjs/common';
import { MongoStore, outboxOf, type OutboxEvent, type OutboxFields } from '#libs/mongo';

export const TENANTS = 'tenants';

interface TenantRecord extends OutboxFields {
  _id: string;
  /** The ledger its events stand in: always `system`. */
  tenant: 'system';
  created_at: Date;
}

@Injectable()
export class Tenants {
  constructor(private readonly store: MongoStore) {}

  async exists(id: string): Promise<boolean> {
    return (await this.records.countDocuments({ _id: id }, { limit: 1 })) > 0;
  }

  /** False when it was there: then nothing is written, and of two processes exactly one gets true. */
  async add(id: string, events: readonly OutboxEvent[]): Promise<boolean> {
    const created = { tenant: 'system' as const, created_at: new Date(), ...outboxOf(events) };
    const { upsertedCount } = await this.records.updateOne({ _id: id }, { $setOnInsert: created }, { upsert: true });
    return upsertedCount > 0;
  }

  private get records() {
    return this.store.collection<TenantRecord>(TENANTS);
  }
}
