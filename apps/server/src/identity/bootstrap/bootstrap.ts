import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { TENANT_PATTERN } from '#libs/ledger';
import { Outboxes } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { Authentication } from '../authentication/authentication.js';
import { fingerprintOf, keyHash, keyIdOf } from '../domain/api-key.js';
import { scopeOf } from '../domain/scopes.js';
import { IdentityError } from '../identity.errors.js';
import { operatorKeyIn } from './operator-key-file.js';
import { API_KEYS, ApiKeys, type ApiKey } from '../storage/api-keys.store.js';
import { TENANTS, Tenants } from '../storage/tenants.store.js';
import { SystemLedger } from '../ledger/system-ledger.js';

/** The form of an id in an event. */
const CLIENT_ID = /^[A-Za-z0-9_-][A-Za-z0-9_:-]{0,127}$/;

/** What the pre-shared key may do: a consumer's work, and proof of it. */
const CONSUMER = ['jobs:write', 'jobs:read', 'results:read', 'promote:write', 'audit:read', 'audit:verify'] as const;

/**
 * Before the server listens: the first tenant, the pre-shared key of the environment, and the operator's key in the file
 * that the settings name, or `<data>/operator.key` on the embedded engine.
 */
@Injectable()
export class Bootstrap implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly settings: Settings,
    private readonly outboxes: Outboxes,
    private readonly log: Log,
    private readonly keys: ApiKeys,
    private readonly tenants: Tenants,
    private readonly authentication: Authentication,
    private readonly ledger: SystemLedger,
  ) {}

  onModuleInit(): void {
    this.outboxes.aggregate(TENANTS);
    this.outboxes.aggregate(API_KEYS);
  }

  async onApplicationBootstrap(): Promise<void> {
    const { apiKey, operatorKeyFile } = this.settings;
    if (apiKey.value === undefined && operatorKeyFile === undefined) return;
    if (!TENANT_PATTERN.test(apiKey.tenant) || apiKey.tenant === 'system') {
      throw new IdentityError(
        'IDENTITY.SETTING_INVALID',
        `CONVERTER_API_KEY_TENANT must match ${TENANT_PATTERN.source}`,
      );
    }
    if (!CLIENT_ID.test(apiKey.clientId)) {
      throw new IdentityError('IDENTITY.SETTING_INVALID', `CONVERTER_API_KEY_CLIENT_ID must match ${CLIENT_ID.source}`);
    }
    await this.openTenant(apiKey.tenant);
    if (apiKey.value !== undefined) await this.enablePreShared(apiKey.value);
    if (operatorKeyFile !== undefined) await this.enableOperator(operatorKeyFile);
  }

  private async openTenant(id: string): Promise<void> {
    if (await this.tenants.exists(id)) return;
    const events = await this.ledger.sealed('tenant.created', { type: 'tenant', id }, {});
    if (await this.tenants.add(id, events)) await this.ledger.drain(TENANTS, id);
  }

  /** Its record holds who it is, never what it is: the environment is where it lives. */
  private async enablePreShared(value: string): Promise<void> {
    const { clientId, tenant } = this.settings.apiKey;
    const hash = keyHash(value);
    const id = `preshared-${fingerprintOf(hash)}`;
    const scopes = CONSUMER.map((permission) => scopeOf(permission, tenant));
    const key: ApiKey = { id, tenant, client_id: clientId, actor_type: 'service', kept_in: 'environment', scopes };
    await this.keys.add(key, undefined, []);
    this.authentication.usePreShared(key, hash);
    await this.enabled(key, value);
  }

  private async enableOperator(file: string): Promise<void> {
    const { key: secret, made } = await operatorKeyIn(file);
    if (made) process.stderr.write(`assay: the operator's key was written to ${file}\n`);
    // If the process dies here, the file holds a key without a record, and the next start makes the record from it.
    // The other way round a record would wait for a key that nobody has.
    const { tenant } = this.settings.apiKey;
    const scopes = [scopeOf('admin:*', tenant)];
    const id = keyIdOf(secret)!;
    const key: ApiKey = {
      id,
      tenant,
      client_id: 'operator',
      actor_type: 'operator',
      kept_in: 'operator_key_file',
      scopes,
    };
    await this.recordOperator(key, keyHash(secret).toString('hex'));
    await this.revokeLost(id);
    await this.enabled(key, secret);
  }

  private async recordOperator(key: ApiKey, sha256: string): Promise<void> {
    const known = await this.keys.find(key.id);
    if (known?.sha256 === sha256 && known.revoked_at === undefined) return;
    if (known) {
      throw new IdentityError(
        'IDENTITY.KEY_FILE_UNUSABLE',
        `expected the key ${key.id} as recorded and valid in the operator's key file, found ` +
          `${known.revoked_at ? 'one that was revoked' : 'another secret'}; remove the file to have a new key`,
      );
    }
    const { tenant, client_id, kept_in } = key;
    const data = { tenant, client_id, kept_in };
    const events = await this.ledger.sealed('api_key.created', { type: 'api_key', id: key.id }, data);
    if (await this.keys.add(key, sha256, events)) await this.ledger.drain(API_KEYS, key.id);
  }

  /** The file is the only place a former operator key was kept: once it is gone, so is its right. */
  private async revokeLost(current: string): Promise<void> {
    for (const { _id, of_tenant, client_id } of await this.keys.othersFromFile(current)) {
      const data = { tenant: of_tenant, client_id, reason: 'key_file_lost' };
      await this.keys.revoke(_id, await this.ledger.sealed('api_key.revoked', { type: 'api_key', id: _id }, data));
      await this.ledger.drain(API_KEYS, _id);
      this.log.warn('config.api_key_revoked', { client_id, tenant_id: of_tenant, decision_reason: 'key_file_lost' });
    }
  }

  /** The ledger being closed to entries must not keep the service from starting: reads still work. */
  private async enabled({ id, tenant, client_id }: ApiKey, secret: string): Promise<void> {
    const length = { api_key_length: secret.length };
    this.log.info('config.api_key_enabled', { ...length, client_id, tenant_id: tenant });
    try {
      const data = { tenant, client_id, ...length };
      const events = await this.ledger.sealed('config.api_key_enabled', { type: 'api_key', id }, data);
      await this.ledger.record('system', events);
    } catch (error) {
      this.ledger.warn('config.event_not_recorded', error);
    }
  }
}
