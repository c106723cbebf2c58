import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandBus } from '@nestjs/cqrs';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { applyIndexSteps, MongoStore, Outboxes } from '#libs/mongo';
import { openObjectStore } from '#libs/object-store';
import { serverLog } from '../http/server-log.js';
import { setup } from '../http/setup.js';
import { indexSteps } from '../index-steps.js';
import { ServerModule } from '../server.module.js';
import { Settings } from '../settings.js';
import { keyHash, keyIdOf } from './domain/api-key.js';
import type { ApiKeyRecord } from './storage/api-keys.store.js';

/** An event as parsed from the ledger. */
export interface RecordedFact {
  kind: string;
  refs?: { resource?: { type: string; id: string } };
  data: Record<string, unknown>;
}

/** The whole server in this process: embedded engine, all rooms, no conversion children. */
export interface WholeServer {
  app: NestExpressApplication;
  store: MongoStore;
  commands: CommandBus;
  dataDir: string;
  lines: Record<string, unknown>[];
  /** The events of a ledger so far, by seq. */
  events(tenant: string): Promise<RecordedFact[]>;
  keys: ReturnType<typeof MongoStore.prototype.collection<ApiKeyRecord>>;
  stop(): Promise<void>;
}

/** Keeps the data folder when it is given one. */
export async function wholeServer(
  options: { dataDir?: string; env?: Record<string, string> } = {},
): Promise<WholeServer> {
  const dataDir = options.dataDir ?? (await tempFolder());
  const lines: Record<string, unknown>[] = [];
  const settings = new Settings({ ASSAY_DATA_DIR: dataDir, ASSAY_ROLES: 'ledger', ...options.env });
  const log = serverLog(settings, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  const store = await MongoStore.open({ uri: settings.mongodbUri, dataDir });
  await applyIndexSteps(store, indexSteps);
  const objects = await openObjectStore(settings.objectStoreUrl);
  const built = await Test.createTestingModule({
    imports: [ServerModule.with({ settings, store, objects, log })],
  }).compile();
  const app = built.createNestApplication<NestExpressApplication>({ bodyParser: false });
  setup(app);
  try {
    await app.listen(0);
  } catch (error) {
    await app.close().catch(() => undefined);
    await store.close();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  return {
    app,
    store,
    commands: app.get(CommandBus),
    dataDir,
    lines,
    keys: store.collection<ApiKeyRecord>('api_keys'),
    events: async (tenant) => {
      const entries = store.collection<{ bytes: { buffer: Uint8Array } }>('ledger_entries');
      const stored = await entries.find({ tenant }).sort({ seq: 1 }).toArray();
      return stored.map(({ bytes }) => JSON.parse(Buffer.from(bytes.buffer).toString('utf8')) as RecordedFact);
    },
    stop: async () => {
      await app.get(Outboxes).stop();
      await app.close();
      await store.close();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function tempFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'assay-identity-'));
}

/** The record of `key`, as the room would have made it. */
export function recordOf(key: string, change: Partial<ApiKeyRecord>): ApiKeyRecord {
  return {
    _id: keyIdOf(key)!,
    tenant: 'system',
    of_tenant: 'default',
    client_id: 'narrow',
    actor_type: 'service',
    kept_in: 'environment',
    scopes: [],
    sha256: keyHash(key).toString('hex'),
    created_at: new Date(),
    outbox: [],
    ...change,
  };
}
