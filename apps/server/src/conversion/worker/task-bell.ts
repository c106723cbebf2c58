import { setTimeout as sleep } from 'node:timers/promises';

/** Wakes this process's waiting workers when a task was made here; others find it when they next look. */
export class TaskBell {
  private waking = new AbortController();

  ring(): void {
    this.waking.abort();
    this.waking = new AbortController();
  }

  /** Resolves after `ms`, at the next ring, or when `stop` is aborted. */
  async wait(ms: number, stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.waking.signal, stop]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
