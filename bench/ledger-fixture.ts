import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyIndexSteps, type MongoStore } from '#libs/mongo';
import { sampleDraft, startRoom, type AuditRoom } from '../apps/server/src/audit/audit-room.fixture.js';
import type { EventDraft } from '../apps/server/src/audit/audit.types.js';
import { RecordEventsHandler } from '../apps/server/src/audit/commands/record-events.handler.js';
import { SealEventsHandler } from '../apps/server/src/audit/commands/seal-events.handler.js';
import { auditIndexes } from '../apps/server/src/audit/storage/audit.indexes.js';
import { LedgerEntries } from '../apps/server/src/audit/storage/ledger-entries.store.js';

/** The parts of the audit room that are measured, on a store of their own. */
export interface BenchRoom {
  room: AuditRoom;
  store: MongoStore;
  entries: LedgerEntries;
  seal: SealEventsHandler;
  record: RecordEventsHandler;
}

/** A new folder on the disk that is measured. */
export const benchFolder = (): string => mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'assay-bench-'));

/** Runs `work` on the embedded engine in a new folder, or on the server that MONGODB_URI names, and cleans up. */
export async function inRoom<T>(
  work: (room: BenchRoom, folder: string) => Promise<T>,
  { roles = 'api' }: { roles?: string } = {},
): Promise<T> {
  const folder = benchFolder();
  const room = await startRoom({ dataDir: folder, roles });
  try {
    return await work(partsOf(room), folder);
  } finally {
    await room.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export function partsOf(room: AuditRoom): BenchRoom {
  const { module, store } = room;
  return {
    room,
    store,
    entries: module.get(LedgerEntries),
    seal: module.get(SealEventsHandler),
    record: module.get(RecordEventsHandler),
  };
}

/** A collection beside the ledger's, with the same indexes. */
export async function rawCollection(store: MongoStore): Promise<string> {
  const raw = auditIndexes
    .filter(({ collection }) => collection === 'ledger_entries')
    .map((step) => ({ ...step, id: `raw/${step.id}`, collection: `raw_${step.collection}` }));
  await applyIndexSteps(store, raw);
  return 'raw_ledger_entries';
}

/** An event of 400 to 410 canonical bytes, with every column that most entries have. */
export const benchDraft = (tenant: string, step: number): EventDraft => ({
  ...sampleDraft(step),
  scope: { tenant },
  actor: { type: 'service', id: 'bench' },
  refs: { job_id: '01a1fd8c-6900-7c93-814c-7f001b53c3ce', request_id: '5f0c6f0e-5d5c-4f36-8d35-0d3b1c7f5a10' },
  data: { step: step % 10 },
});

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

/** The nearest-rank quantile, `at` from 0 to 1; NaN of nothing. */
export const quantile = (values: readonly number[], at: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * at) - 1)] ?? Number.NaN;

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const rounded = (value: number): number => Math.round(value * 100) / 100;

/** How much a second `work` got through. */
export async function rateOf(work: () => Promise<number>): Promise<number> {
  const started = performance.now();
  const count = await work();
  return count / ((performance.now() - started) / 1_000);
}
