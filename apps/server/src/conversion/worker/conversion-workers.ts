import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '#libs/kernel';
import type { Task } from '../domain/task.js';
import type { TaskStore } from '../storage/task.store.js';
import type { TaskBell } from './task-bell.js';
import { sweepWork, workPrefix } from './task-files.js';
import { type RunPorts, TaskRun } from './task-run.js';

export interface WorkersPorts extends Omit<RunPorts, 'readTask'> {
  store: Pick<TaskStore, 'read' | 'now' | 'unswept' | 'swept'>;
  bell: TaskBell;
  /** How many tasks this process works on at once. */
  workers: number;
}

/** How often a worker looks for tasks that other processes made. */
const LOOK_EVERY_MS = 500;
/** After a failed look: longer, and not all at the same time. */
const AFTER_FAILURE_MS = 2_000;
/** How long a running task may go on when the process is asked to leave. */
const GRACE_MS = 10_000;

/** The workers of this process, and the rounds that any worker may make: expired leases and forgotten outputs. */
export class ConversionWorkers {
  private readonly stopping = new AbortController();
  private readonly leaving = new AbortController();
  private running: Promise<unknown> | undefined;

  constructor(private readonly ports: WorkersPorts) {}

  start(): void {
    this.running ??= Promise.all([
      this.rounds(),
      ...Array.from({ length: this.ports.workers }, (_, index) => this.work(index)),
    ]);
  }

  /** Claims nothing more; gives running tasks a while to end, then gives them back. Resolves when nothing runs. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const grace = setTimeout(() => this.leaving.abort(), GRACE_MS);
    await this.running;
    clearTimeout(grace);
  }

  private async work(index: number): Promise<void> {
    const name = `${hostname()}-${process.pid}-${index}-${randomBytes(4).toString('hex')}`;
    const { stopping, ports } = this;
    while (!stopping.signal.aborted) {
      try {
        const task = await ports.queue.claim(name);
        if (task) await this.runTask(task);
        else await ports.bell.wait(LOOK_EVERY_MS, stopping.signal);
      } catch (error) {
        await this.afterFailure('conversion.claim_failed', error);
      }
    }
  }

  private async runTask(task: Task): Promise<void> {
    const { store, ...ports } = this.ports;
    await new TaskRun(task, { ...ports, readTask: (id) => store.read(id) }, this.leaving.signal).run();
  }

  private async rounds(): Promise<void> {
    const { stopping, ports } = this;
    const everyMs = Math.max(LOOK_EVERY_MS, ports.times.leaseMs / 4);
    while (!stopping.signal.aborted) {
      try {
        if ((await ports.queue.reap()) > 0) ports.bell.ring();
        await this.sweep();
        await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      } catch (error) {
        await this.afterFailure('conversion.round_failed', error);
      }
    }
  }

  /** Two leases after the end no holder that lost the task can still be storing outputs. */
  private async sweep(): Promise<void> {
    const { store, objects, times } = this.ports;
    const before = new Date((await store.now()).getTime() - 2 * times.leaseMs);
    for (const task of await store.unswept(before)) {
      await sweepWork(task, workPrefix(task), objects);
      await store.swept(task.id);
    }
  }

  private async afterFailure(action: `conversion.${string}`, error: unknown): Promise<void> {
    this.ports.log.warn(action, { error_code: codeOf(error) });
    const ms = AFTER_FAILURE_MS * (0.5 + Math.random());
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
