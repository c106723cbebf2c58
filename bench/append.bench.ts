import { emptyHead, chained, preparedEvent } from '../apps/server/src/audit/domain/entry.js';
import { Appenders } from '../apps/server/src/audit/append/appenders.js';
import { RecordEvents } from '../apps/server/src/audit/commands/record-events.command.js';
import { RecordEventsHandler } from '../apps/server/src/audit/commands/record-events.handler.js';
import { auditIndexes } from '../apps/server/src/audit/storage/audit.indexes.js';
import { Checkpoints } from '../apps/server/src/audit/storage/checkpoints.store.js';
import { LedgerEntries } from '../apps/server/src/audit/storage/ledger-entries.store.js';
import { Ledgers } from '../apps/server/src/audit/storage/ledgers.store.js';
import type { StoredEntry } from '#libs/ledger';
import { applyIndexSteps, Leases, MongoStore } from '#libs/mongo';
import { fdatasyncRate, inFolder, sealedSample } from './ledger-fixture.js';

export interface AppendFigure {
  callers: number;
  /** Acknowledged appends a second, through the command's handler: form check, hashes, group commit, journal. */
  appends_per_second: number;
  /** Documents a second of raw ordered `insertMany` in the same batches, one after the other. */
  raw_per_second: number;
  /** The median of the rounds' ratios: append and raw are measured in turns, on the same store. */
  ratio: number;
  /** Mean size of a flush. */
  batch: number;
  fdatasyncs_per_second: number;
}

/** Sealed beforehand: sealing is done before the business write, and counted apart. */
const POOL = 40_000;
const ROUNDS = 5;
const ROUND_MS = Number(process.env['BENCH_ROUND_MS'] ?? 1_500);

/**
 * Acknowledged appends at each number of concurrent callers, against raw `insertMany` of pre-built documents with the
 * same batch sizes, connection pool and indexes, in the same run.
 */
export async function appendFigures(callers: readonly number[]): Promise<AppendFigure[]> {
  const figures: AppendFigure[] = [];
  for (const count of callers) figures.push(await inFolder((folder) => measured(count, folder)));
  return figures;
}

async function measured(callers: number, folder: string): Promise<AppendFigure> {
  const store = await MongoStore.open({ uri: process.env['MONGODB_URI'], dataDir: folder });
  try {
    const raw = auditIndexes.map((step) => ({ ...step, id: `raw/${step.id}`, collection: `raw_${step.collection}` }));
    await applyIndexSteps(store, [...auditIndexes, ...raw]);
    const entries = new LedgerEntries(store);
    const record = handlerOver(store, entries);
    const rawEntries = store.collection<StoredEntry>('raw_ledger_entries');
    const sync = fdatasyncRate(folder);
    const rounds: { appended: Rate; raw: Rate; flushes: number }[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const flushes: number[] = [];
      const appended = await appendRound(record, entries, callers, flushes);
      const batches = prebuilt(`raw-${round}`, flushes);
      const inserted = await rateOf(async () => {
        for (const batch of batches) await rawEntries.insertMany(batch, { ordered: true });
        return appended.count;
      });
      if (round > 0) rounds.push({ appended, raw: inserted, flushes: flushes.length }); // the first one warms up
    }
    return figureOf(callers, rounds, sync);
  } finally {
    await store.close();
  }
}

function handlerOver(store: MongoStore, entries: LedgerEntries): RecordEventsHandler {
  const ledgers = new Ledgers(store, { origin: 'bench.local' });
  const appenders = new Appenders(ledgers, entries, new Checkpoints(store), new Leases(store));
  const audit = { signingKey: undefined, hotRetentionDays: 90, eventSignatureTenants: [] };
  return new RecordEventsHandler({ audit }, appenders);
}

/** Each caller waits for its acknowledgement before it comes back, as a request handler does. */
async function appendRound(
  record: RecordEventsHandler,
  entries: LedgerEntries,
  callers: number,
  flushes: number[],
): Promise<Rate> {
  const events = Array.from({ length: POOL }, () => sealedSample('bench'));
  const insert = entries.insert.bind(entries);
  entries.insert = (batch) => {
    flushes.push(batch.length);
    return insert(batch);
  };
  const rate = await rateOf(async () => {
    let count = 0;
    const until = performance.now() + ROUND_MS;
    const caller = async (): Promise<void> => {
      for (let event = events.pop(); event && performance.now() < until; event = events.pop()) {
        await record.execute(new RecordEvents('bench', [event]));
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return count;
  });
  entries.insert = insert;
  return rate;
}

function prebuilt(tenant: string, sizes: readonly number[]): StoredEntry[][] {
  let head = emptyHead(`bench.local/ledger/${tenant}`);
  return sizes.map((size) => {
    const events = Array.from({ length: size }, () => preparedEvent(tenant, sealedSample(tenant)));
    const batch = chained(tenant, head, events);
    const last = batch.at(-1)!;
    head = { seq: last.seq, chainHash: last.chain_hash };
    return batch;
  });
}

interface Rate {
  count: number;
  perSecond: number;
}

async function rateOf(work: () => Promise<number>): Promise<Rate> {
  const started = performance.now();
  const count = await work();
  return { count, perSecond: count / ((performance.now() - started) / 1_000) };
}

function figureOf(
  callers: number,
  rounds: readonly { appended: Rate; raw: Rate; flushes: number }[],
  sync: number,
): AppendFigure {
  const count = rounds.reduce((sum, { appended }) => sum + appended.count, 0);
  return {
    callers,
    appends_per_second: Math.round(median(rounds.map(({ appended }) => appended.perSecond))),
    raw_per_second: Math.round(median(rounds.map(({ raw }) => raw.perSecond))),
    ratio: rounded(median(rounds.map(({ appended, raw }) => appended.perSecond / raw.perSecond))),
    batch: rounded(count / rounds.reduce((sum, { flushes }) => sum + flushes, 0)),
    fdatasyncs_per_second: Math.round(sync),
  };
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const rounded = (value: number): number => Math.round(value * 100) / 100;
