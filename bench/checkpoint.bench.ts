import { setTimeout as sleep } from 'node:timers/promises';
import { RecordEvents } from '../apps/server/src/audit/commands/record-events.command.js';
import { SealEvents } from '../apps/server/src/audit/commands/seal-events.command.js';
import { Checkpoints } from '../apps/server/src/audit/storage/checkpoints.store.js';
import { benchDraft, inRoom, quantile, type BenchRoom } from './ledger-fixture.js';

export interface CheckpointFigure {
  callers: number;
  appends_per_second: number;
  samples: number;
  /** From the call of `RecordEvents` until a signed checkpoint that covers the event is published, milliseconds. */
  p50_ms: number;
  p95_ms: number;
  max_ms: number;
}

const TENANT = 'bench';
const CALLERS = 16;
/** Each caller waits so long between two events: a busy server, not a saturated one. */
const PAUSE_MS = 20;
const LOOK_MS = 5;
const MS = 4 * Number(process.env['BENCH_ROUND_MS'] ?? 1_500);

/** Append to signed checkpoint, with the product's own signing task at work. */
export function checkpointFigure(): Promise<CheckpointFigure> {
  return inRoom(
    async (room) => {
      const open: { seq: number; since: number }[] = [];
      const took: number[] = [];
      const until = performance.now() + MS;
      const appended = appends(room, until, open);
      const watched = watch(room.room.module.get(Checkpoints), open, took, () => performance.now() < until);
      const count = (await appended).reduce((sum, each) => sum + each, 0);
      await watched;
      return {
        callers: CALLERS,
        appends_per_second: Math.round(count / (MS / 1_000)),
        samples: took.length,
        p50_ms: Math.round(quantile(took, 0.5)),
        p95_ms: Math.round(quantile(took, 0.95)),
        max_ms: Math.round(quantile(took, 1)),
      };
    },
    { roles: 'api,ledger' },
  );
}

function appends(
  { seal, record }: BenchRoom,
  until: number,
  open: { seq: number; since: number }[],
): Promise<number[]> {
  const caller = async (_: unknown, number: number): Promise<number> => {
    let count = 0;
    for (let step = number; performance.now() < until; step++, count++) {
      const sealed = await seal.execute(new SealEvents([benchDraft(TENANT, step)]));
      const since = performance.now();
      const [recorded] = await record.execute(new RecordEvents(TENANT, sealed));
      open.push({ seq: recorded!.seq, since });
      await sleep(PAUSE_MS);
    }
    return count;
  };
  return Promise.all(Array.from({ length: CALLERS }, caller));
}

async function watch(
  checkpoints: Checkpoints,
  open: { seq: number; since: number }[],
  took: number[],
  running: () => boolean,
): Promise<void> {
  while (running() || open.length > 0) {
    const size = await checkpoints.publishedSize(TENANT);
    const now = performance.now();
    const waiting = open.splice(0);
    for (const each of waiting) {
      if (each.seq < size) took.push(now - each.since);
      else open.push(each);
    }
    await sleep(LOOK_MS);
  }
}
