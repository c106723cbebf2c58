import fc from 'fast-check';
import { uuidv7 } from '#libs/kernel';
import type { EventDraft } from '../../audit/index.js';
import { isFinished, type Task } from '../domain/task.js';
import { MemoryTaskStore } from '../storage/memory-task.store.fixture.js';
import { packageOf, plainPorts, someReport, taskOf } from './task-queue.fixture.js';
import { TaskQueue } from './task-queue.js';

const LEASE_MS = 1_000;
const MAX_ATTEMPTS = 3;
const rules = { leaseMs: LEASE_MS, maxAttempts: MAX_ATTEMPTS, random: () => 0.5 };
const passing = { class: 'internal', code: 'child_crashed', stage: null, message: 'gone', retryable: true } as const;
const lasting = { class: 'user', code: 'not_onnx', stage: 'ONNX', message: 'a PNG', retryable: false } as const;

async function queueWith(...tenants: string[]) {
  const store = new MemoryTaskStore();
  const tasks: Task[] = [];
  for (const tenant of tenants) {
    const task = taskOf(uuidv7(), tenant, await store.now());
    tasks.push(task);
    await store.insert(task, []);
    store.clock++;
  }
  return { store, tasks, queue: new TaskQueue(store, plainPorts, rules) };
}

const kindsOf = (store: MemoryTaskStore, id: string) => store.stored.get(id)!.events.map(({ kind }) => kind);

describe('TaskQueue', () => {
  it('gives tenants turns, and within a tenant the task that waited longest', async () => {
    const { queue, tasks } = await queueWith('a', 'a', 'a', 'b', 'c');
    const order = [];
    for (let task = await queue.claim('w'); task; task = await queue.claim('w')) order.push(task.id);
    const [a1, a2, a3, b, c] = tasks.map(({ id }) => id);
    expect(order).toEqual([a1, b, c, a2, a3]);
  });

  it('leaves the events of a whole life in order', async () => {
    const { queue, store } = await queueWith('a');
    const task = (await queue.claim('w'))!;
    await queue.stageStarted(task, 'ONNX');
    await queue.stageStarted(task, 'BIE');
    await queue.succeeded(task, someReport, [packageOf(task)]);
    expect(kindsOf(store, task.id)).toEqual([
      'task.claimed',
      'job.stage_started',
      'job.stage_finished',
      'job.stage_started',
      'job.stage_finished',
      'artifact.created',
      'task.finished',
    ]);
  });

  it('refuses every write of a holder whose task was given to another', async () => {
    const { queue, store } = await queueWith('a');
    const slow = (await queue.claim('slow'))!;
    store.clock += LEASE_MS;
    expect(await queue.reap()).toBe(1);
    store.clock += 60_000;
    const fast = (await queue.claim('fast'))!;
    expect(fast.token).toBe(slow.token + 1);
    expect(await queue.renew(slow, 0.5)).toBe(false);
    expect(await queue.stageStarted(slow, 'ONNX')).toBeNull();
    expect(await queue.succeeded(slow, someReport, [packageOf(slow)])).toBeNull();
    expect(await queue.failed(slow, lasting, [])).toBeNull();
    expect(await queue.succeeded(fast, someReport, [packageOf(fast)])).toMatchObject({ state: 'succeeded' });
  });

  it('leaves a task to a holder that renewed between the look and the taking', async () => {
    const { queue, store } = await queueWith('a');
    const task = (await queue.claim('w'))!;
    store.clock += LEASE_MS;
    store.fault = async (when) => {
      if (when === 'before') await store.renew(task.id, task.token, 0);
    };
    expect(await queue.reap()).toBe(0);
  });

  describe('when an attempt fails', () => {
    it('tries again after a wait what may pass, and gives up honestly after the last attempt', async () => {
      const { queue, store, tasks } = await queueWith('a');
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const task = (await queue.claim('w'))!;
        await queue.failed(task, passing, []);
        expect(await queue.claim('w')).toBeNull();
        store.clock += 60_000;
      }
      expect(await store.read(tasks[0]!.id)).toMatchObject({
        state: 'failed',
        outcome: { status: 'failed', error: { code: 'child_crashed' } },
      });
      expect(kindsOf(store, tasks[0]!.id).slice(-2)).toEqual(['task.dead', 'task.finished']);
    });

    it.each([lasting, { ...passing, class: 'toolchain' } as const, { ...passing, retryable: false }])(
      'ends at once with $class, retryable $retryable',
      async (error) => {
        const { queue } = await queueWith('a');
        const ended = await queue.failed((await queue.claim('w'))!, error, []);
        expect(ended).toMatchObject({ state: 'failed', outcome: { error: { code: error.code } } });
      },
    );
  });

  it('does not count an attempt that was given back', async () => {
    const { queue } = await queueWith('a');
    for (let round = 0; round < MAX_ATTEMPTS + 2; round++) {
      const task = (await queue.claim('w'))!;
      expect(task.attempts).toBe(1);
      await queue.released(task);
    }
  });

  describe('when a cancel is asked for', () => {
    it('ends a queued task at once', async () => {
      const { queue, tasks } = await queueWith('a');
      expect(await queue.cancel('a', tasks[0]!.job_id)).toMatchObject({ state: 'canceled' });
      expect(await queue.claim('w')).toBeNull();
    });

    it('tells the holder, and wins over an end that was not written yet', async () => {
      const { queue } = await queueWith('a');
      const task = (await queue.claim('w'))!;
      await queue.cancel('a', task.job_id);
      expect(await queue.cancelFlag(task)).toBe(true);
      expect(await queue.succeeded(task, someReport, [packageOf(task)])).toMatchObject({
        state: 'canceled',
        outcome: { artifacts: [] },
      });
    });

    it('finds no task of another tenant', async () => {
      const { queue, tasks } = await queueWith('a');
      expect(await queue.cancel('b', tasks[0]!.job_id)).toBeNull();
    });
  });
});

/** Kinds that begin or end somebody's hold of a task. */
const HOLDING = ['task.claimed', 'task.lost', 'task.released', 'task.retried'];

/** What a worker does with a task it holds. */
const act = fc.constantFrom('renew', 'renew', 'stage', 'succeed', 'fail', 'refuse', 'release', 'die');
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ t: fc.constant('worker' as const), worker: fc.nat(2), act }) },
  { weight: 3, arbitrary: fc.record({ t: fc.constant('clock' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  { weight: 2, arbitrary: fc.record({ t: fc.constant('reap' as const) }) },
  { weight: 1, arbitrary: fc.record({ t: fc.constant('cancel' as const), task: fc.nat(1) }) },
);
/** The fate of each write: most go well, some are lost, some are kept though reported failed. */
const fates = fc.array(fc.constantFrom('well', 'well', 'well', 'well', 'lost', 'kept'), {
  minLength: 1,
  maxLength: 30,
});

describe('TaskQueue, whatever fails when', () => {
  it('ends a task at most once, by its last holder, with tokens that only grow', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(step, { minLength: 20, maxLength: 60 }),
        fates,
        async (s, steps, all) => {
          const { store, queue, tasks } = await queueWith('a', 'b');
          let writes = 0;
          store.fault = async (when) => {
            await s.schedule(Promise.resolve());
            if (when === 'before') writes++;
            const found = all[writes % all.length];
            if (found === (when === 'before' ? 'lost' : 'kept')) throw new Error('the store went away');
          };
          const held: (Task | null)[] = [null, null, null];
          const take = async (one: (typeof steps)[number]): Promise<void> => {
            if (one.t === 'clock') store.clock += one.ms;
            else if (one.t === 'reap') await queue.reap();
            else if (one.t === 'cancel') await queue.cancel(tasks[one.task]!.tenant, tasks[one.task]!.job_id);
            else await work(one.worker, one.act);
          };
          const work = async (worker: number, what: string): Promise<void> => {
            const task = (held[worker] ??= await queue.claim(`w${worker}`));
            if (!task) return;
            if (what === 'renew') await queue.renew(task, 0.5);
            else if (what === 'stage') await queue.stageStarted(task, 'BIE');
            else {
              if (what === 'succeed') await queue.succeeded(task, someReport, [packageOf(task)]);
              if (what === 'fail') await queue.failed(task, passing, []);
              if (what === 'refuse') await queue.failed(task, lasting, []);
              if (what === 'release') await queue.released(task);
              held[worker] = null;
            }
          };
          const running = steps.map((one) => s.schedule(Promise.resolve()).then(() => take(one)));
          await s.waitFor(Promise.allSettled(running));

          expect(store.leftEnds).toBe(0);
          for (const { task, events } of store.stored.values()) {
            const facts = events.map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as EventDraft);
            const finished = facts.filter(({ kind }) => kind === 'task.finished');
            const kinds = facts.map(({ kind }) => kind);
            expect(finished).toHaveLength(isFinished(task.state) ? 1 : 0);
            if (finished.length > 0) {
              expect(facts.at(-1)).toBe(finished[0]);
              expect(finished[0]!.data['token']).toBe(task.token);
              expect(finished[0]!.data['status']).toBe(task.state);
              const holding = kinds.filter((kind) => HOLDING.includes(kind)).at(-1);
              if (task.state === 'succeeded') expect(holding).toBe('task.claimed');
            }
            const tokens = facts.filter(({ kind }) => kind === 'task.claimed').map(({ data }) => data['token']);
            expect(tokens).toEqual(tokens.map((_, index) => index + 1));
            expect(task.attempts).toBeLessThanOrEqual(MAX_ATTEMPTS);
            expect(task.outcome?.artifacts.every(({ key }) => key.includes(`/work/${task.token}/`)) ?? true).toBe(true);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
