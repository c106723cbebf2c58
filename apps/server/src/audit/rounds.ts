import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a task does in the background again and again, one round after the other, until the server stops. */
export class Rounds {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  /** `failed` is told what a round rejects with; the next one follows all the same, after `pauseMs` milliseconds. */
  constructor(
    private readonly round: () => Promise<unknown>,
    private readonly failed: (error: unknown) => void,
    private readonly pauseMs: () => number,
  ) {}

  /** Aborted when the server stops: a round ends where it can be gone on with. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** The first round begins when `ready` resolves. */
  start(ready: Promise<unknown> = Promise.resolve()): void {
    this.running = this.loop(ready);
  }

  /** Resolves when no round is under way and none will be. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async loop(ready: Promise<unknown>): Promise<void> {
    const { signal } = this;
    await Promise.race([ready, once(signal, 'abort')]);
    while (!signal.aborted) {
      await this.round().catch(this.failed);
      await sleep(this.pauseMs(), undefined, { signal }).catch(() => undefined);
    }
  }
}
