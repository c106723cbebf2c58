import type { EventDraft, SealedEvent } from '../../audit/index.js';
import { backOffMs } from '../domain/back-off.js';
import {
  type AttemptError,
  canceled,
  cancelRequested,
  claimed,
  failed,
  lost,
  released,
  type RetryRule,
  stageStarted,
  succeeded,
  type Task,
  type Transition,
} from '../domain/task.js';
import { draftsOf } from '../domain/task-events.js';
import type { JobStage, ReportSummary, TaskArtifact } from '../conversion.types.js';
import type { TaskStore } from '../storage/task.store.js';

/** What the queue is handed: it knows neither the ledger nor the relay. */
export interface QueuePorts {
  /** Freezes events before they are written; rejects while nothing may be recorded. */
  seal(drafts: EventDraft[]): Promise<SealedEvent[]>;
  /** Records what a task waits with. Never rejects: what fails here is the relay's. */
  drain(taskId: string): Promise<void>;
}

export interface QueueRules {
  leaseMs: number;
  maxAttempts: number;
  /** In [0, 1). */
  random(): number;
}

type Store = Pick<
  TaskStore,
  'now' | 'insert' | 'read' | 'ofJob' | 'nextQueued' | 'apply' | 'expired' | 'renew' | 'cancelFlag'
>;

/**
 * Tasks and who holds them. Every change is read, decided, sealed and written only if nothing changed meanwhile;
 * holders prove themselves with the token of their claim. So of all workers that ever held a task at most one ends it,
 * whatever dies when (held by task-queue.spec.ts and worker-death.integration.spec.ts).
 */
export class TaskQueue {
  /** Where the round of tenants is. */
  private tenant = '';

  constructor(
    private readonly store: Store,
    private readonly ports: QueuePorts,
    private readonly rules: QueueRules,
  ) {}

  /** The next task in turn, now held by `worker`; null when none is due. */
  async claim(worker: string): Promise<Task | null> {
    for (;;) {
      const next = await this.store.nextQueued(this.tenant);
      if (!next) return null;
      const task = await this.applied(next, claimed(next, worker));
      if (!task) continue; // another worker was faster: there may be more
      this.tenant = task.tenant;
      // If the process dies here, the lease runs out and the task is claimed again under the next token.
      await this.ports.drain(task.id);
      return task;
    }
  }

  /** False when the task is no longer the holder's: it must end its work and may write nothing more. */
  renew(task: Task, progress: number): Promise<boolean> {
    return this.store.renew(task.id, task.token, progress);
  }

  /** Whether the holder should end its work; null when the task is no longer its own. */
  cancelFlag(task: Task): Promise<boolean | null> {
    return this.store.cancelFlag(task.id, task.token);
  }

  /** The following five are the holder's. Each gives the task as it then is, or null when it is no longer its own. */
  stageStarted(task: Task, stage: JobStage): Promise<Task | null> {
    return this.byHolder(task, (now) => stageStarted(now, stage, new Date()));
  }

  succeeded(task: Task, report: ReportSummary, artifacts: TaskArtifact[]): Promise<Task | null> {
    return this.byHolder(task, (now) => succeeded(now, report, artifacts, new Date()));
  }

  async failed(task: Task, error: AttemptError, artifacts: TaskArtifact[]): Promise<Task | null> {
    const retry = await this.retryRule(task);
    return this.byHolder(task, (now) => failed(now, error, artifacts, retry, new Date()));
  }

  canceled(task: Task): Promise<Task | null> {
    return this.byHolder(task, (now) => canceled(now, new Date()));
  }

  released(task: Task): Promise<Task | null> {
    return this.byHolder(task, (now) => released(now, new Date()));
  }

  /** Asks for the end of a job's task: gives it as it then is, or null when there is none. */
  async cancel(tenant: string, jobId: string): Promise<Task | null> {
    for (;;) {
      const task = await this.store.ofJob(tenant, jobId);
      if (!task) return null;
      const transition = cancelRequested(task, new Date());
      const next = transition ? await this.applied(task, transition) : task;
      if (!next) continue; // claimed or renewed meanwhile: decide again
      await this.ports.drain(next.id);
      return next;
    }
  }

  /** Takes tasks from workers that have been silent for a lease: any worker may, at any time. Gives how many. */
  async reap(): Promise<number> {
    const before = new Date((await this.store.now()).getTime() - this.rules.leaseMs);
    let count = 0;
    for (const task of await this.store.expired(before)) {
      const transition = lost(task, await this.retryRule(task), new Date());
      // The store looks once more: a holder that renewed since keeps its task.
      if (!(await this.applied(task, transition, before))) continue;
      await this.ports.drain(task.id);
      count++;
    }
    return count;
  }

  private async byHolder(held: Task, decide: (now: Task) => Transition | null): Promise<Task | null> {
    for (;;) {
      const now = await this.store.read(held.id);
      if (!now || now.token !== held.token || now.state !== 'running') return null;
      const transition = decide(now);
      const next = transition ? await this.applied(now, transition) : now;
      if (!next) continue; // a cancel came between: decide again
      await this.ports.drain(next.id);
      return next;
    }
  }

  private async applied(task: Task, transition: Transition, leaseBefore?: Date): Promise<Task | null> {
    const after = { ...task, ...transition.set };
    const events = await this.ports.seal(draftsOf(after, transition.facts));
    return this.store.apply(task, transition, events, leaseBefore);
  }

  private async retryRule({ attempts }: Task): Promise<RetryRule> {
    const delayMs = backOffMs(attempts, this.rules.random());
    const notBefore = new Date((await this.store.now()).getTime() + delayMs);
    return { maxAttempts: this.rules.maxAttempts, delayMs, notBefore };
  }
}
