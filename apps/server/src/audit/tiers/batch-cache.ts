/** What a cache may keep: something that knows how much memory it takes. */
export interface Sized {
  /** In bytes. */
  readonly memory: number;
}

export interface CacheLimits {
  /** Most memory of what is kept; what is being loaded comes on top. */
  bytes: number;
  /** Most loads at a time; others wait, in order. */
  loads: number;
}

/**
 * What was used last, up to so many bytes. Readers of one key at one time share one load; a load that fails is told to
 * all of them and kept by nobody, so the next reader loads again.
 */
export class BatchCache<Value extends Sized> {
  /** In the order of use, the oldest first. */
  private readonly kept = new Map<string, Value>();
  private readonly loading = new Map<string, Promise<Value>>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private bytes = 0;

  constructor(private readonly limits: CacheLimits) {}

  /** How much memory is kept, in bytes. */
  get memory(): number {
    return this.bytes;
  }

  /** The kept value, or what `load` resolves with; rejects as it does. What is larger than the cache is not kept. */
  async get(key: string, load: () => Promise<Value>): Promise<Value> {
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
      return found;
    }
    const shared = this.loading.get(key) ?? this.load(key, load);
    return shared;
  }

  private load(key: string, load: () => Promise<Value>): Promise<Value> {
    const loading = this.inTurn(load)
      .then((value) => {
        this.keep(key, value);
        return value;
      })
      .finally(() => this.loading.delete(key));
    this.loading.set(key, loading);
    return loading;
  }

  private keep(key: string, value: Value): void {
    if (value.memory > this.limits.bytes) return;
    this.kept.set(key, value);
    this.bytes += value.memory;
    for (const [oldest, { memory }] of this.kept) {
      if (this.bytes <= this.limits.bytes) return;
      this.kept.delete(oldest);
      this.bytes -= memory;
    }
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.limits.loads) await new Promise<void>((begin) => this.waiting.push(begin));
    else this.running += 1;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}
