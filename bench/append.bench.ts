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
let rawTenants = 0;

/**
 * Acknowledged appends at this number of concurrent callers, against raw `insertMany` of pre-built documents with the
 * same batch sizes, connection pool and indexes, in the same run. Each caller waits for its acknowledgement before it
 * comes back, as a request handler does.
 */
export async function appendFigure(callers: number): Promise<AppendFigure> {
  return inRoom(async (room, folder) => {
    const sync = fdatasyncRate(folder);
    const rounds: Round[] = [];
    await measuredRound(room, callers); // warms up
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measuredRound(room, callers));
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

async function measuredRound(room: BenchRoom, callers: number): Promise<Round> {
  const pool = new SealedPool(room);
  const events = await pool.refilled();
  const flushes: number[] = [];
  const appended = await observed(room, flushes, () => appendRate(room, pool, callers, ROUND_MS, { once: true }));
  const collection = room.store.collection<StoredEntry>(await rawCollection(room.store));
  const batches = prebuilt(`raw${(rawTenants += 1)}`, events, flushes);
  const raw = await rateOf(async () => {
    for (const batch of batches) await collection.insertMany(batch, { ordered: true });
    return total(flushes);
  });
  return { sealed: pool.sealedPerSecond, appended, raw, batch: total(flushes) / flushes.length };
}

/** Events sealed ahead of the measured time, as they are ahead of the business write. */
export class SealedPool {
  sealedPerSecond = Number.NaN;
  private events: SealedEvent[] = [];
  private taken = 0;

  constructor(private readonly room: BenchRoom) {}

  async refilled(): Promise<readonly SealedEvent[]> {
    this.events = this.events.slice(this.taken);
    this.taken = 0;
    const drafts = Array.from({ length: POOL - this.events.length }, (_, step) => benchDraft('bench', step));
    this.sealedPerSecond = await rateOf(async () => {
      this.events.push(...(await this.room.seal.execute(new SealEvents(drafts))));
      return drafts.length;
    });
    return this.events;
  }

  next(): SealedEvent | undefined {
    return this.events[this.taken++];
  }
}

/**
 * Acknowledged appends a second of so many callers, each of which comes back when it has its acknowledgement. Measured
 * for `ms`, without the time in which the pool is filled again; with `once`, at most until it is empty.
 */
export async function appendRate(
  { record }: BenchRoom,
  pool: SealedPool,
  callers: number,
  ms: number,
  { once = false }: { once?: boolean } = {},
): Promise<number> {
  let count = 0;
  let took = 0;
  do {
    if (!once) await pool.refilled();
    const started = performance.now();
    const until = started + ms - took;
    const caller = async (): Promise<void> => {
      while (performance.now() < until) {
        const event = pool.next();
        if (!event) return;
        await record.execute(new RecordEvents('bench', [event]));
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    took += performance.now() - started;
  } while (!once && took < ms);
  return count / (took / 1_000);
}

/** Notes the size of each flush while `work` runs. */
async function observed<T>({ entries }: BenchRoom, flushes: number[], work: () => Promise<T>): Promise<T> {
  const staged = entries.staged.bind(entries);
  entries.staged = () => {
    const wrapped = staged();
    let size = 0;
    const count = (entry: StoredEntry): void => {
      size += 1;
      wrapped.add(entry);
    };
    return { add: count, insert: () => (flushes.push(size), wrapped.insert()) };
  };
  try {
    return await work();
  } finally {
    entries.staged = staged;
  }
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
