import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventKinds } from '#libs/ledger';
import { applyIndexSteps, Leases, MongoStore } from '#libs/mongo';
import { Settings } from '../apps/server/src/settings.js';
import { Appenders } from '../apps/server/src/audit/append/appenders.js';
import { PreparedEvents } from '../apps/server/src/audit/append/prepared-events.js';
import type { EventDraft } from '../apps/server/src/audit/audit.types.js';
import { AuditKeys } from '../apps/server/src/audit/keys/audit-keys.js';
import { CheckpointSigner } from '../apps/server/src/audit/checkpoints/checkpoint-signer.js';
import { HighWaterFiles } from '../apps/server/src/audit/checkpoints/high-water-files.js';
import { RecordEventsHandler } from '../apps/server/src/audit/commands/record-events.handler.js';
import { SealEventsHandler } from '../apps/server/src/audit/commands/seal-events.handler.js';
import { KnownKinds } from '../apps/server/src/audit/events/known-kinds.js';
import { auditIndexes } from '../apps/server/src/audit/storage/audit.indexes.js';
import { Checkpoints } from '../apps/server/src/audit/storage/checkpoints.store.js';
import { LedgerEntries } from '../apps/server/src/audit/storage/ledger-entries.store.js';
import { LedgerReader } from '../apps/server/src/audit/storage/ledger-reader.store.js';
import { Ledgers } from '../apps/server/src/audit/storage/ledgers.store.js';
import { SubjectKeys } from '../apps/server/src/audit/storage/subject-keys.store.js';
import { Tiles } from '../apps/server/src/audit/storage/tiles.store.js';
import { TileEntries } from '../apps/server/src/audit/storage/tile-entries.store.js';
import { TileWriter } from '../apps/server/src/audit/tiles/tile-writer.js';

/** The parts of the audit room that are measured, on a store of their own. */
export interface BenchRoom {
  store: MongoStore;
  entries: LedgerEntries;
  reader: LedgerReader;
  seal: SealEventsHandler;
  record: RecordEventsHandler;
  signer: CheckpointSigner;
  keys: AuditKeys;
}

/** Runs `work` on the embedded engine in a new folder, or on the server that MONGODB_URI names, and cleans up. */
export async function inRoom<T>(work: (room: BenchRoom, folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'assay-bench-'));
  const settings = new Settings({ ASSAY_DATA_DIR: folder, ASSAY_ORIGIN: 'bench.local' });
  const store = await MongoStore.open({ uri: process.env['MONGODB_URI'], dataDir: folder });
  try {
    return await work(await roomOver(store, settings), folder);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function roomOver(store: MongoStore, settings: Settings): Promise<BenchRoom> {
  const raw = auditIndexes.map((step) => ({ ...step, id: `raw/${step.id}`, collection: `raw_${step.collection}` }));
  await applyIndexSteps(store, [...auditIndexes, ...raw]);
  const entries = new LedgerEntries(store);
  const ledgers = new Ledgers(store, settings);
  const checkpoints = new Checkpoints(store);
  const keys = await AuditKeys.load(settings);
  const prepared = new PreparedEvents();
  const appenders = new Appenders(ledgers, entries, checkpoints, new Leases(store));
  const kinds = new KnownKinds(Object.values(sampleKinds));
  return {
    store,
    entries,
    keys,
    reader: new LedgerReader(entries, checkpoints),
    seal: new SealEventsHandler(settings, kinds, ledgers, new SubjectKeys(store), NO_EVENT_KEYS, prepared),
    record: new RecordEventsHandler(settings, appenders, prepared),
    signer: new CheckpointSigner(
      settings,
      keys,
      entries,
      checkpoints,
      new TileWriter(new Tiles(store), entries, new TileEntries(entries)),
      new HighWaterFiles(settings),
    ),
  };
}

/** As where no tenant asks for signed events. */
const NO_EVENT_KEYS = { signerOf: () => Promise.resolve(undefined) };

const sampleKinds = eventKinds({
  'job.created': {
    schema: 1,
    data: { platform: 'code', priority: 'code', user_id: 'person', model_sha256: 'digest', ref_images_count: 'count' },
  },
});

/** An event of the size the main job's have, about 700 bytes sealed. */
export function sampleDraft(tenant: string): EventDraft {
  return {
    kind: 'job.created',
    scope: { tenant },
    actor: { type: 'service', id: 'bench', client_id: 'bench', token_fingerprint: '0123456789abcdef' },
    refs: {
      job_id: '01a1fd8c-6900-7c93-814c-7f001b53c3ce',
      request_id: '5f0c6f0e-5d5c-4f36-8d35-0d3b1c7f5a10',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    },
    data: {
      platform: '720',
      priority: 'normal',
      user_id: 'somebody',
      model_sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      ref_images_count: 16,
    },
  };
}

/** Synced writes of 4 KiB a second, one after the other: what the disk allows a lone durable writer. */
export function fdatasyncRate(folder: string, ms = 1_000): number {
  const file = openSync(join(folder, 'fdatasync'), 'w');
  const block = Buffer.alloc(4096, 1);
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < ms; count++) {
    writeSync(file, block, 0, block.length, count * block.length);
    fdatasyncSync(file);
  }
  closeSync(file);
  return count / ((performance.now() - started) / 1_000);
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const rounded = (value: number): number => Math.round(value * 100) / 100;
