import type { StoredEntry } from '#libs/ledger';
import type { SealedEvent } from '../apps/server/src/audit/audit.types.js';
import { RecordEvents } from '../apps/server/src/audit/commands/record-events.command.js';
import { SealEvents } from '../apps/server/src/audit/commands/seal-events.command.js';
import { chained, emptyHead, preparedEvent } from '../apps/server/src/audit/domain/entry.js';
import {
  benchDraft,
  fdatasyncRate,
  inRoom,
  median,
  rateOf,
  rawCollection,
  rounded,
  type BenchRoom,
} from './ledger-fixture.js';

export interface AppendFigure {
  callers: number;
  /** Acknowledged appends a second through the command's handler: hashes, group commit, majority and journal. */
  appends_per_second: number;
  /** Documents a second of raw ordered `insertMany` of the same batches, one after the other. */
  raw_per_second: number;
  /** The median of the rounds' ratios: the two are measured in turns on the same store. */
  ratio: number;
  /** Events a second that one caller seals beforehand, on the same event loop. */
  sealed_per_second: number;
  /** Mean size of a flush. */
  batch: number;
  fdatasyncs_per_second: number;
}

interface Round {
  sealed: number;
  appended: number;
  raw: number;
  batch: number;
}

/** Sealed before each round, as they are before the business write: no more than a process remembers. */
const POOL = 16_000;
const ROUNDS = 5;
const ROUND_MS = Number(process.env['BENCH_ROUND_MS'] ?? 1_500);

/**
 * Acknowledged appends at this number of concurrent callers, against raw `insertMany` of pre-built documents with the
 * same batch sizes, connection pool and indexes, in the same run. Each caller waits for its acknowledgement before it
 * comes back, as a request handler does.
 */
export async function appendFigure(callers: number): Promise<AppendFigure> {
  return inRoom(async (room, folder) => {
    const sync = fdatasyncRate(folder);
    const rounds: Round[] = [];
    await measuredRound(room, callers, -1); // warms up
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measuredRound(room, callers, round));
    return {
      callers,
      appends_per_second: Math.round(median(rounds.map(({ appended }) => appended))),
      raw_per_second: Math.round(median(rounds.map(({ raw }) => raw))),
      ratio: rounded(median(rounds.map(({ appended, raw }) => appended / raw))),
      sealed_per_second: Math.round(median(rounds.map(({ sealed }) => sealed))),
      batch: rounded(median(rounds.map(({ batch }) => batch))),
      fdatasyncs_per_second: Math.round(sync),
    };
  });
}

async function measuredRound(room: BenchRoom, callers: number, round: number): Promise<Round> {
  const drafts = Array.from({ length: POOL }, (_, step) => benchDraft('bench', step));
  let events: SealedEvent[] = [];
  const sealed = await rateOf(async () => (events = await room.seal.execute(new SealEvents(drafts))).length);
  const flushes: number[] = [];
  const appended = await appendRate(room, callers, events, flushes);
  const batches = prebuilt(`raw${round}`, events, flushes);
  const collection = room.store.collection<StoredEntry>(await rawCollection(room.store));
  const raw = await rateOf(async () => {
    for (const batch of batches) await collection.insertMany(batch, { ordered: true });
    return total(flushes);
  });
  return { sealed, appended, raw, batch: total(flushes) / flushes.length };
}

async function appendRate(
  { record, entries }: BenchRoom,
  callers: number,
  events: readonly SealedEvent[],
  flushes: number[],
): Promise<number> {
  const insert = entries.insert.bind(entries);
  entries.insert = (batch) => {
    flushes.push(batch.length);
    return insert(batch);
  };
  const until = performance.now() + ROUND_MS;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < events.length && performance.now() < until) {
      await record.execute(new RecordEvents('bench', [events[next++]!]));
    }
  };
  const rate = await rateOf(async () => {
    await Promise.all(Array.from({ length: callers }, caller));
    return next;
  });
  entries.insert = insert;
  return rate;
}

/** The documents that a chain of its own would store, in batches of these sizes. */
function prebuilt(tenant: string, events: readonly SealedEvent[], sizes: readonly number[]): StoredEntry[][] {
  let head = emptyHead(tenant);
  let at = 0;
  return sizes.map((size) => {
    const prepared = events.slice(at, (at += size)).map((event) => preparedEvent('bench', event));
    const batch = chained(tenant, head, prepared);
    const last = batch.at(-1)!;
    head = { seq: last.seq, chainHash: last.chain_hash };
    return batch;
  });
}

const total = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);
