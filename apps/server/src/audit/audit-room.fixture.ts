import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { CommandBus, CqrsModule, QueryBus } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { eventKinds, type EventKind, type StoredEntry } from '#libs/ledger';
import { applyIndexSteps, Leases, MongoStore } from '#libs/mongo';
import { Log, Metrics } from '#libs/telemetry';
import { Settings } from '../settings.js';
import { Appenders } from './append/appenders.js';
import { AuditModule } from './audit.module.js';
import { CheckpointSigner, type Signed } from './checkpoints/checkpoint-signer.js';
import { auditEventKinds, RecordEvents, SealEvents, type EventDraft, type RecordedEvent } from './index.js';
import { AuditKeys } from './keys/audit-keys.js';
import { VerifyLedger } from './queries/verify-ledger.query.js';
import { auditIndexes } from './storage/audit.indexes.js';
import type { LedgerVerdict } from './verification/verification.types.js';

/** A kind with everything a kind can have, for tests of the room alone. */
export const sampleKinds = eventKinds({
  'sample.done': { schema: 2, data: { step: 'count', who: { optional: 'person' }, note: { optional: 'code' } } },
});

export const TENANT = 'acme';

export interface AuditRoom {
  dataDir: string;
  store: MongoStore;
  module: TestingModule;
  entries: ReturnType<MongoStore['collection']>;
  lines: string[];
  /** Seals and records drafts of `sample.done`, `step` counting from `from`. */
  record(count: number, from?: number): Promise<RecordedEvent[]>;
  /** Seals and records one draft that names a person. */
  recordPerson(who: string): Promise<RecordedEvent[]>;
  /** One checkpoint, now. */
  sign(): Promise<Signed>;
  verify(vkeys?: readonly string[]): Promise<LedgerVerdict>;
  /** Every entry in order, as stored. */
  stored(): Promise<StoredEntry[]>;
  /** Ends the room as a stop would, and keeps its folder. */
  close(): Promise<void>;
  remove(): Promise<void>;
}

export interface RoomOptions {
  dataDir?: string;
  env?: Record<string, string>;
  /** Through which address to speak to the database: a proxy's. */
  uri?: string;
  roles?: string;
}

export const sampleDraft = (step: number, over: Partial<EventDraft> = {}): EventDraft => ({
  kind: 'sample.done',
  scope: { tenant: TENANT },
  actor: { type: 'service', id: 'tester' },
  refs: { job_id: `job-${step % 3}` },
  data: { step },
  ...over,
});

/**
 * The room alone on the embedded engine, or on the server that MONGODB_URI names (a database of its own there), with its
 * cold store in the data folder, or in the bucket that ASSAY_TEST_COLD_URL names (a prefix of its own there). In the
 * role `api` nothing is signed but by `sign()`, so that a test knows which checkpoint covers what.
 */
export async function startRoom(options: RoomOptions = {}): Promise<AuditRoom> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'assay-audit-')));
  const settings = new Settings({
    ASSAY_DATA_DIR: dataDir,
    ASSAY_ROLES: options.roles ?? 'api',
    ASSAY_ORIGIN: 'assay.test',
    ...externalColdStore(dataDir),
    ...options.env,
  });
  const store = await MongoStore.open({ uri: options.uri ?? externalUri(dataDir), dataDir });
  const lines: string[] = [];
  try {
    await applyIndexSteps(store, auditIndexes);
    const module = await roomOver(store, settings, lines);
    const [commands, queries] = [module.get(CommandBus), module.get(QueryBus)];
    const recorded = async (drafts: EventDraft[]): Promise<RecordedEvent[]> =>
      commands.execute(new RecordEvents(TENANT, await commands.execute(new SealEvents(drafts))));
    return {
      dataDir,
      store,
      module,
      lines,
      entries: store.collection('ledger_entries'),
      record: (count, from = 0) => recorded(Array.from({ length: count }, (_, i) => sampleDraft(from + i))),
      recordPerson: (who) => recorded([sampleDraft(0, { data: { step: 0, who } })]),
      sign: () => module.get(CheckpointSigner).sign({ _id: TENANT, origin: `assay.test/ledger/${TENANT}` }),
      verify: (vkeys = []) => queries.execute(new VerifyLedger(TENANT, vkeys)),
      stored: async () =>
        store
          .collection<StoredEntry>('ledger_entries')
          .find({ tenant: TENANT }, { promoteBuffers: true })
          .sort({ seq: 1 })
          .toArray(),
      close: async () => {
        await module.get(Appenders).idle();
        await module.close();
        await store.close();
      },
      remove: async () => {
        await module.close();
        await store.close();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function roomOver(store: MongoStore, settings: Settings, lines: string[]): Promise<TestingModule> {
  const log = new Log({
    service: 'assay',
    version: '0.1.0',
    env: 'test',
    instanceId: 'test',
    level: 'info',
    sampleRate: 1,
    destination: { write: (line) => void lines.push(line) },
  });
  const foundations = [
    { provide: Settings, useValue: settings },
    { provide: MongoStore, useValue: store },
    { provide: Leases, useValue: new Leases(store) },
    { provide: Log, useValue: log },
    { provide: Metrics, useValue: new Metrics({ enabled: false }) },
  ];
  @Global()
  @Module({ providers: foundations, exports: [Settings, MongoStore, Leases, Log, Metrics] })
  class Foundations {}
  const kinds: EventKind[] = [...Object.values(auditEventKinds), ...Object.values(sampleKinds)];
  const module = await Test.createTestingModule({
    imports: [CqrsModule.forRoot(), Foundations, AuditModule.with(kinds)],
  })
    .overrideProvider(AuditKeys)
    .useValue(await AuditKeys.load(settings, { signs: true }))
    .compile();
  return module.init();
}

/** Of the database that a room of this folder has on the server that MONGODB_URI names. */
export function externalUri(dataDir: string): string | undefined {
  if (!process.env['MONGODB_URI']) return undefined;
  const uri = new URL(process.env['MONGODB_URI']);
  uri.pathname = `/${basename(dataDir).replace(/[^A-Za-z0-9]/g, '')}`;
  return uri.toString();
}

function externalColdStore(dataDir: string): Record<string, string> {
  if (!process.env['ASSAY_TEST_COLD_URL']) return {};
  const url = new URL(process.env['ASSAY_TEST_COLD_URL']);
  url.pathname = `${url.pathname}/${basename(dataDir).toLowerCase()}`.replace('//', '/');
  return { AUDIT_COLD_URL: url.href };
}
