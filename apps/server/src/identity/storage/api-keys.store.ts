import { Injectable } from '@nestjs/common';
import { MongoStore, outboxOf, outboxUpdate, type OutboxEvent, type OutboxFields } from '#libs/mongo';

export const API_KEYS = 'api_keys';

/** Where a key's secret is kept by its owner. */
type KeptIn = 'operator_key_file' | 'environment';

/** A key without its secret. */
export interface ApiKey {
  id: string;
  tenant: string;
  client_id: string;
  actor_type: 'service' | 'operator';
  kept_in: KeptIn;
  scopes: string[];
  expires_at?: Date;
}

export interface ApiKeyRecord extends OutboxFields {
  _id: string;
  /** The ledger its events stand in: always `system`. */
  tenant: 'system';
  of_tenant: string;
  client_id: string;
  actor_type: 'service' | 'operator';
  kept_in: KeptIn;
  scopes: string[];
  /** SHA-256 of the key in hex. Absent for the pre-shared key: a weak one could be guessed from its hash. */
  sha256?: string;
  created_at: Date;
  expires_at?: Date;
  revoked_at?: Date;
  first_used_at?: Date;
  /** To the hour: enough to see that a key is idle, and not a diary of its owner. */
  last_used_at?: Date;
}

const HOUR_MS = 3_600_000;

@Injectable()
export class ApiKeys {
  constructor(private readonly store: MongoStore) {}

  async find(id: string): Promise<ApiKeyRecord | null> {
    return this.records.findOne({ _id: id }, { projection: { outbox: 0, outbox_due: 0 } });
  }

  /** True when some key could let someone in, other than the pre-shared one. */
  async anyUsable(now: Date): Promise<boolean> {
    const usable = { sha256: { $exists: true }, revoked_at: { $exists: false } };
    const found = await this.records.find(usable, { projection: { expires_at: 1 } }).toArray();
    return found.some(({ expires_at }) => expires_at === undefined || expires_at > now);
  }

  /** False when a record of that id was there: then nothing is written. */
  async add(key: ApiKey, sha256: string | undefined, events: readonly OutboxEvent[]): Promise<boolean> {
    const { id, tenant, ...rest } = key;
    const created = {
      ...rest,
      tenant: 'system' as const,
      of_tenant: tenant,
      ...(sha256 && { sha256 }),
      created_at: new Date(),
      ...outboxOf(events),
    };
    const { upsertedCount } = await this.records.updateOne({ _id: id }, { $setOnInsert: created }, { upsert: true });
    return upsertedCount > 0;
  }

  /** Keys made from a key file that are still valid, other than `id`. */
  async othersFromFile(id: string): Promise<ApiKeyRecord[]> {
    return this.records
      .find({ kept_in: 'operator_key_file', revoked_at: { $exists: false }, _id: { $ne: id } })
      .toArray();
  }

  async revoke(id: string, events: readonly OutboxEvent[]): Promise<void> {
    const { $push, $set } = outboxUpdate(events);
    await this.records.updateOne(
      { _id: id, revoked_at: { $exists: false } },
      { $push, $set: { ...$set, revoked_at: new Date() } },
    );
  }

  /** True for exactly one caller: the first use, whose event is then in the record's outbox. */
  async firstUsed(id: string, events: readonly OutboxEvent[]): Promise<boolean> {
    const { $push, $set } = outboxUpdate(events);
    const { modifiedCount } = await this.records.updateOne(
      { _id: id, first_used_at: { $exists: false } },
      { $push, $set: { ...$set, first_used_at: new Date() } },
    );
    return modifiedCount > 0;
  }

  /** Notes the hour of use; writes at most once an hour and key. */
  async used({ _id, last_used_at }: Pick<ApiKeyRecord, '_id' | 'last_used_at'>, now: Date): Promise<void> {
    const hour = new Date(now.getTime() - (now.getTime() % HOUR_MS));
    if (last_used_at !== undefined && last_used_at >= hour) return;
    await this.records.updateOne({ _id }, { $set: { last_used_at: hour } });
  }

  private get records() {
    return this.store.collection<ApiKeyRecord>(API_KEYS);
  }
}
