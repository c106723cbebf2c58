import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../domain/task.js';
import type { TaskQueue } from './task-queue.js';

/** Why a holder stops: it was asked to, its lease went to another, or the process is leaving. */
export type Interruption = 'canceled' | 'lost' | 'leaving';

export interface HeldTaskTimes {
  leaseMs: number;
  heartbeatMs: number;
}

/** How often the flag is looked at: what makes a cancel end a child within a second. */
const LOOK_EVERY_MS = 250;
/** Progress is written at most this often between heartbeats. */
const PROGRESS_EVERY_MS = 1_000;

/** Keeps a claimed task while its holder works, and tells the holder to stop. */
export class HeldTask {
  private readonly interrupting = new AbortController();
  private readonly stopping = new AbortController();
  private readonly keeping: Promise<void>;
  private progress = 0;
  private written = 0;
  private renewedAt = performance.now();
  private why: Interruption | undefined;

  constructor(
    readonly task: Task,
    private readonly queue: Pick<TaskQueue, 'renew' | 'cancelFlag'>,
    private readonly times: HeldTaskTimes,
  ) {
    this.keeping = this.keep();
  }

  /** Aborted once the holder has to stop; `interruption` says why. */
  get signal(): AbortSignal {
    return this.interrupting.signal;
  }

  get interruption(): Interruption | undefined {
    return this.why;
  }

  /** 0..1; never goes back. */
  advance(progress: number): void {
    this.progress = Math.max(this.progress, progress);
  }

  interrupt(why: Interruption): void {
    // A lost task stays lost, whatever else happens to its holder.
    if (this.why === undefined || why === 'lost') this.why = why;
    this.interrupting.abort();
  }

  /** Resolves when nothing more is written for this holder. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.keeping;
  }

  private async keep(): Promise<void> {
    while (!this.stopping.signal.aborted && this.why !== 'lost') {
      await this.look().catch(() => this.unheard());
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    const since = performance.now() - this.renewedAt;
    const moved = this.progress > this.written && since >= PROGRESS_EVERY_MS;
    if (moved || since >= this.times.heartbeatMs) return this.renew();
    const flag = await this.queue.cancelFlag(this.task);
    if (flag === null) this.interrupt('lost');
    else if (flag) this.interrupt('canceled');
  }

  private async renew(): Promise<void> {
    const [started, progress] = [performance.now(), this.progress];
    if (!(await this.queue.renew(this.task, progress))) return this.interrupt('lost');
    this.renewedAt = started;
    this.written = progress;
  }

  /** The store does not answer. After a lease of silence another may hold the task: stop before doing work twice. */
  private unheard(): void {
    if (performance.now() - this.renewedAt > this.times.leaseMs) this.interrupt('lost');
  }
}
