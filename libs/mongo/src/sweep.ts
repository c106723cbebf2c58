import type { MongoStore } from './mongo.store.js';

const EVERY_MS = 600_000;

/** Goes after what a crash has left behind: at start, then every ten minutes. What fails now is swept later. */
export class Sweep {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();

  /** `work` takes what is at least `ageMs` old; nothing alive may be as old as `abandonedAfterMs`. */
  constructor(
    private readonly store: Pick<MongoStore, 'embedded'>,
    private readonly abandonedAfterMs: number,
    private readonly work: (ageMs: number) => Promise<unknown>,
  ) {}

  /** The embedded engine serves one process: whatever is open when it starts was left by one that is gone. */
  async start(): Promise<void> {
    await this.#swept(this.store.embedded ? 0 : this.abandonedAfterMs);
    this.#timer = setInterval(() => void (this.#running = this.#swept(this.abandonedAfterMs)), EVERY_MS).unref();
  }

  /** Waits for the one that is running. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #swept(ageMs: number): Promise<void> {
    await this.work(ageMs).catch(() => undefined);
  }
}
