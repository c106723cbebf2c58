import { Injectable } from '@nestjs/common';
import type { Caller } from '../../http/access.js';
import { fingerprintOf, isKeyOf, keyIdOf } from '../domain/api-key.js';
import { presentedKey } from '../domain/presented-key.js';
import type { Rejection } from './security-window.js';
import { API_KEYS, ApiKeys, type ApiKey, type ApiKeyRecord } from '../storage/api-keys.store.js';
import { SystemLedger } from '../ledger/system-ledger.js';

/** Decides who sends a request. */
@Injectable()
export class Authentication {
  private preShared: { key: ApiKey; hash: Buffer } | undefined;
  /** Keys whose first use is known to be noted, so that it is not looked up on every request. */
  private readonly seen = new Set<string>();

  constructor(
    private readonly keys: ApiKeys,
    private readonly ledger: SystemLedger,
  ) {}

  /** Lets the key of the environment in. */
  usePreShared(key: ApiKey, hash: Buffer): void {
    this.preShared = { key, hash };
  }

  /** Whether any key could let anyone in. */
  async isConfigured(): Promise<boolean> {
    return this.preShared !== undefined || this.keys.anyUsable(new Date());
  }

  async callerOf(headers: {
    authorization?: unknown;
    'x-api-key'?: unknown;
  }): Promise<Caller | { rejected: Rejection }> {
    const presented = presentedKey(headers);
    if ('rejected' in presented) return presented;
    const { key } = presented;
    const isPreShared = isKeyOf(key, this.preShared?.hash);
    const id = keyIdOf(key);
    const record = id === undefined ? null : await this.keys.find(id);
    const isRecorded = isKeyOf(key, record?.sha256 === undefined ? undefined : Buffer.from(record.sha256, 'hex'));
    if (isPreShared && this.preShared) return this.letIn(this.preShared.key, this.preShared.hash);
    if (!record || record.sha256 === undefined) return { rejected: 'unknown' };
    if (!isRecorded) return { rejected: 'wrong_secret' };
    if (record.revoked_at !== undefined) return { rejected: 'revoked' };
    if (record.expires_at !== undefined && record.expires_at <= new Date()) return { rejected: 'expired' };
    return this.letIn(keyOf(record), Buffer.from(record.sha256, 'hex'), record);
  }

  private async letIn(key: ApiKey, hash: Buffer, record?: ApiKeyRecord): Promise<Caller> {
    const caller = callerBy(key, fingerprintOf(hash));
    // A note that cannot be written must not keep a valid key out: the next request tries again.
    await this.noteUse(caller, record).catch((error: unknown) => this.ledger.warn('auth.use_not_noted', error));
    return caller;
  }

  private async noteUse({ key_id, tenant, client_id }: Caller, given: ApiKeyRecord | undefined): Promise<void> {
    const now = new Date();
    const record = given ?? (await this.keys.find(key_id));
    if (!record) return;
    if (record.first_used_at === undefined && !this.seen.has(key_id)) {
      const data = { tenant, client_id };
      const events = await this.ledger.sealed('auth.api_key.first_used', { type: 'api_key', id: key_id }, data);
      if (await this.keys.firstUsed(key_id, events)) await this.ledger.drain(API_KEYS, key_id);
      this.seen.add(key_id);
    }
    await this.keys.used(record, now);
  }
}

function keyOf(record: ApiKeyRecord): ApiKey {
  const { _id: id, of_tenant: tenant, client_id, actor_type, kept_in, scopes, expires_at } = record;
  return { id, tenant, client_id, actor_type, kept_in, scopes, ...(expires_at && { expires_at }) };
}

function callerBy(key: ApiKey, fingerprint: string): Caller {
  const { id, tenant, client_id, actor_type, scopes, expires_at } = key;
  const actor = { type: actor_type, id: client_id, client_id, token_fingerprint: fingerprint };
  const expiry = expires_at && { expires_at: expires_at.toISOString() };
  return { tenant, client_id, key_id: id, fingerprint, scopes, actor, ...expiry };
}
