import type { OutboxEvent } from '#libs/mongo';
import { isFinished, type Task, type Transition } from '../domain/task.js';
import type { TaskStore } from './task.store.js';

interface Stored {
  task: Task;
  leaseAt?: number;
  events: OutboxEvent[];
}

/**
 * The queue's view of the store, in memory, with a clock that only moves when told. `fault` is called before and after
 * each write and may throw: the write was lost, or kept though reported failed. Held to the real one by the contract that
 * both run through (task.store.contract.ts).
 */
export class MemoryTaskStore implements Pick<
  TaskStore,
  'now' | 'insert' | 'read' | 'ofJob' | 'nextQueued' | 'apply' | 'expired' | 'renew' | 'cancelFlag'
> {
  readonly stored = new Map<string, Stored>();
  clock = 1_000_000;
  /** Transitions out of an end; there is none that should be. */
  leftEnds = 0;
  fault: (when: 'before' | 'after') => Promise<void> = async () => {};

  async now(): Promise<Date> {
    return new Date(this.clock);
  }

  async insert(task: Task, events: readonly OutboxEvent[]): Promise<boolean> {
    if (this.stored.has(task.id)) return false;
    this.stored.set(task.id, { task: structuredClone(task), events: [...events] });
    return true;
  }

  async read(id: string): Promise<Task | null> {
    return structuredClone(this.stored.get(id)?.task ?? null);
  }

  async ofJob(tenant: string, jobId: string): Promise<Task | null> {
    const found = this.all().find(({ task }) => task.tenant === tenant && task.job_id === jobId);
    return structuredClone(found?.task ?? null);
  }

  async nextQueued(tenant: string): Promise<Task | null> {
    const due = this.all()
      .map(({ task }) => task)
      .filter((task) => task.state === 'queued' && task.not_before.getTime() <= this.clock)
      .sort((a, b) => a.tenant.localeCompare(b.tenant) || a.not_before.getTime() - b.not_before.getTime());
    return structuredClone(due.find((task) => task.tenant > tenant) ?? due[0] ?? null);
  }

  async apply(
    { id, rev }: Task,
    { set, lease }: Transition,
    events: readonly OutboxEvent[],
    leaseBefore?: Date,
  ): Promise<Task | null> {
    await this.fault('before');
    const found = this.stored.get(id);
    if (!found || found.task.rev !== rev) return null;
    if (leaseBefore && !(found.leaseAt !== undefined && found.leaseAt <= leaseBefore.getTime())) return null;
    if (isFinished(found.task.state)) this.leftEnds++;
    found.task = { ...found.task, ...structuredClone(set), rev: rev + 1 };
    if (lease === 'taken' || lease === 'kept') found.leaseAt = this.clock;
    if (lease === 'dropped') delete found.leaseAt;
    found.events.push(...events);
    await this.fault('after');
    return structuredClone(found.task);
  }

  async expired(before: Date): Promise<Task[]> {
    return this.all()
      .filter(({ task, leaseAt }) => task.state === 'running' && leaseAt !== undefined && leaseAt <= before.getTime())
      .map(({ task }) => structuredClone(task));
  }

  async renew(id: string, token: number, progress: number): Promise<boolean> {
    const found = this.held(id, token);
    if (!found) return false;
    found.leaseAt = this.clock;
    found.task.progress = progress;
    return true;
  }

  async cancelFlag(id: string, token: number): Promise<boolean | null> {
    return this.held(id, token)?.task.cancel_requested ?? null;
  }

  private held(id: string, token: number): Stored | undefined {
    const found = this.stored.get(id);
    return found?.task.token === token && found.task.state === 'running' ? found : undefined;
  }

  private all(): Stored[] {
    return [...this.stored.values()];
  }
}
