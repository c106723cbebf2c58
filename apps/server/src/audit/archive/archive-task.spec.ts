import type { Lease, Leases } from '#libs/mongo';
import type { Log } from '#libs/telemetry';
import { AuditError } from '../audit.errors.js';
import type { StartCheck } from '../checkpoints/start-check.js';
import type { ArchiveDays } from '../storage/archive-days.store.js';
import type { Ledgers } from '../storage/ledgers.store.js';
import { ArchiveGuards } from './archive-guards.js';
import type { ArchiveRun } from './archive-run.js';
import { ArchiveTask } from './archive-task.js';

const at = (text: string): Date => new Date(`2026-03-${text}:00.000Z`);

/**
 * A task over two ledgers, of which each has so many batches to archive; `failing` runs of a ledger fail, and `during` a
 * run something may happen.
 */
function taskOver({
  enabled = true,
  batches = 2,
  taken = false,
  hourUtc = 3,
  passed = Promise.resolve(),
  during = () => Promise.resolve(),
}: {
  enabled?: boolean;
  batches?: number;
  taken?: boolean;
  hourUtc?: number;
  passed?: Promise<void>;
  during?: (signal: AbortSignal) => Promise<void>;
}) {
  const audit = { archive: { enabled, hourUtc } };
  let day: string | null = null;
  const days = { last: () => Promise.resolve(day), done: (now: string) => Promise.resolve(void (day = now)) };
  const left = new Map([
    ['acme', batches],
    ['other', batches],
  ]);
  const failing = new Set<string>();
  const ran: string[] = [];
  const runs = {
    runOnce: async (tenant: string, _now: Date, signal: AbortSignal) => {
      if (failing.has(tenant)) throw new AuditError('AUDIT.ARCHIVE_UNPROVEN', 'as asked');
      const some = left.get(tenant)! > 0;
      if (some) ran.push(tenant);
      left.set(tenant, left.get(tenant)! - (some ? 1 : 0));
      await during(signal);
      return { eventCount: some ? 256 : 0 };
    },
  };
  const ledgers = { all: () => Promise.resolve([...left.keys()].map((_id) => ({ _id, state: 'open' }))) };
  const leases = {
    acquire: (name: string, owner: string, ms: number) =>
      Promise.resolve(taken ? null : ({ name, owner, ms, token: 1 } satisfies Lease)),
    release: () => Promise.resolve(),
  };
  const task = new ArchiveTask(
    { roles: ['ledger'], dataDir: '/nowhere', audit },
    new ArchiveGuards({ audit }, days as unknown as ArchiveDays),
    runs as unknown as ArchiveRun,
    ledgers as unknown as Ledgers,
    leases as unknown as Leases,
    { passed } as StartCheck,
    {} as Log,
  );
  return { task, ran, failing, lastDay: () => day };
}

describe('the daily run of the archive', () => {
  it('waits for its hour, takes every ledger until nothing is left, and runs once a day', async () => {
    const { task, ran } = taskOver({});
    await task.tick(at('01T02:59'));
    expect(ran).toEqual([]);
    await task.tick(at('01T03:00'));
    expect(ran).toEqual(['acme', 'acme', 'other', 'other']);
    await task.tick(at('01T04:00'));
    await task.tick(at('02T02:00'));
    expect(ran).toHaveLength(4);
  });

  it('runs the next day again, and late on a day on which it was not there before', async () => {
    const { task, lastDay } = taskOver({});
    await task.tick(at('01T03:00'));
    await task.tick(at('02T23:00'));
    expect(lastDay()).toBe('2026-03-02');
  });

  it('does not use up the day with a run that failed, which keeps no other ledger from its own', async () => {
    const { task, ran, failing, lastDay } = taskOver({});
    failing.add('acme');
    await task.tick(at('01T03:00'));
    expect(ran).toEqual(['other', 'other']);
    expect(lastDay()).toBeNull();
    failing.clear();
    await task.tick(at('01T04:00'));
    expect(ran).toEqual(['other', 'other', 'acme', 'acme']);
    expect(lastDay()).toBe('2026-03-01');
  });

  it('leaves it to the process that holds the lease', async () => {
    const { task, ran, lastDay } = taskOver({ taken: true });
    await task.tick(at('01T03:00'));
    expect({ ran, day: lastDay() }).toEqual({ ran: [], day: null });
  });

  it('begins when the store was compared with what was signed of it', async () => {
    let pass: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => (pass = resolve));
    let begun: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (begun = resolve));
    const { task, ran } = taskOver({ hourUtc: 0, passed, during: () => Promise.resolve(begun()) });
    task.onApplicationBootstrap();
    await new Promise(setImmediate);
    expect(ran).toEqual([]);
    pass();
    await running;
    await task.onModuleDestroy();
  });

  it('is not begun at all where the server stops before that', async () => {
    const { task, ran } = taskOver({ hourUtc: 0, passed: new Promise(() => undefined) });
    task.onApplicationBootstrap();
    await task.onModuleDestroy();
    expect(ran).toEqual([]);
  });

  it('ends with the run under way when the server stops, which is told, and does not use up the day', async () => {
    let stopped: Promise<void> | undefined;
    const told: boolean[] = [];
    const { task, ran, lastDay } = taskOver({
      during: (signal) => {
        stopped ??= task.onModuleDestroy();
        told.push(signal.aborted);
        return Promise.resolve();
      },
    });
    await task.tick(at('01T03:00'));
    await stopped;
    expect({ ran, told, day: lastDay() }).toEqual({ ran: ['acme'], told: [true], day: null });
  });

  it('does nothing while ARCHIVE_ENABLED is false', async () => {
    const { task, ran } = taskOver({ enabled: false });
    await expect(task.tick(at('01T03:00'))).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_DISABLED' });
    task.onApplicationBootstrap();
    await task.onModuleDestroy();
    expect(ran).toEqual([]);
  });
});
