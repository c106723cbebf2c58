import { randomInt } from 'node:crypto';
import { CommandError } from './command.error.js';

/** What is left of a result: gives up to `count` documents and says whether that was all. */
export interface Batches {
  next(count: number): { documents: Buffer[]; done: boolean };
}

interface Open {
  batches: Batches;
  namespace: string;
  usedAt: number;
}

/** MongoDB's cursorTimeoutMillis, ten minutes. */
const IDLE_MS = 600_000;

/** Cursors between batches. They hold a place in the data, no transaction. */
export class Cursors {
  private readonly open = new Map<number, Open>();

  /** `clock` gives milliseconds. */
  constructor(private readonly clock: () => number = Date.now) {}

  get size(): number {
    return this.open.size;
  }

  add(namespace: string, batches: Batches): number {
    const id = randomInt(1, 2 ** 47);
    this.open.set(id, { batches, namespace, usedAt: this.clock() });
    return id;
  }

  /** Throws CommandError 43 when the cursor is closed, has expired, or belongs to another collection. */
  get(id: number, namespace: string): Batches {
    const cursor = this.open.get(id);
    if (cursor?.namespace !== namespace) throw new CommandError(43, `cursor id ${id} not found`);
    cursor.usedAt = this.clock();
    return cursor.batches;
  }

  /** True when it was open. */
  close(id: number): boolean {
    return this.open.delete(id);
  }

  expire(): void {
    for (const [id, { usedAt }] of this.open) if (this.clock() - usedAt >= IDLE_MS) this.open.delete(id);
  }
}
