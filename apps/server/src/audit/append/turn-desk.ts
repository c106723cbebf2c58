import { setTimeout as sleep } from 'node:timers/promises';
import type { Head } from '../domain/entry.js';
import type { AppendLines, Line, LineChange } from '../storage/append-lines.store.js';

/** Between two looks at the lines: while this process is next in one, and while it is further back in all. */
const NEXT_LOOK_MS = 2;
const LOOK_MS = 15;
/** A turn that has not ended for so long is its writer's no more: it is gone, or held up. */
const STUCK_MS = 600;
/** After this long in line the flush goes ahead without a turn. */
const PATIENCE_MS = 3_000;

/** A turn, or `line` undefined: nobody gave one. */
export interface Granted {
  line: Line | undefined;
  /** Somebody else had a turn in between. */
  waited: boolean;
}

interface Waiting {
  since: number;
  /** The turn of another that was seen under way, and since when. */
  under: { turn: number; since: number } | undefined;
  resolve(granted: Granted): void;
}

/**
 * Stands in line for this process at all ledgers that it shares: one command carries the changes and one the look at
 * the lines, however many there are.
 */
export class TurnDesk {
  private readonly waiting = new Map<string, Waiting>();
  private changes: LineChange[] = [];
  private changing: Promise<void> | undefined;
  private looking = false;

  constructor(
    private readonly writer: string,
    private readonly lines: Pick<AppendLines, 'change' | 'lines'>,
  ) {}

  /** Resolves with a turn, or without one when patience or the store is at an end. One at a time for each ledger. */
  async turn(tenant: string): Promise<Granted> {
    await this.change({ tenant, joins: this.writer });
    return new Promise((resolve) => {
      this.waiting.set(tenant, { since: performance.now(), under: undefined, resolve });
      if (!this.looking) void this.look();
    });
  }

  /** Whoever is next in line will know `head`. */
  end({ tenant, turn }: Line, head: Head | undefined): void {
    void this.change({ tenant, ends: this.writer, turn, head });
  }

  /** Whether anyone stands in line for this ledger; false, too, where the store does not say. */
  async isAwaited(tenant: string): Promise<boolean> {
    const lines = await this.lines.lines([tenant]).catch(() => []);
    return lines.some(({ writers }) => writers.length > 0);
  }

  /** Resolves when nothing is left to say. */
  async idle(): Promise<void> {
    while (this.changing) await this.changing;
  }

  /** Resolves when the change is made, or nobody can: then somebody's patience ends. */
  private async change(change: LineChange): Promise<void> {
    this.changes.push(change);
    while (this.changes.includes(change)) await (this.changing ??= this.changeAll());
  }

  private async changeAll(): Promise<void> {
    await new Promise(setImmediate); // what others of this process have to say comes along
    const changes = this.changes;
    this.changes = [];
    await this.lines.change(changes).catch(() => undefined);
    this.changing = undefined;
  }

  private async look(): Promise<void> {
    this.looking = true;
    while (this.waiting.size > 0) {
      const asked = [...this.waiting.keys()];
      try {
        const places = (await this.lines.lines(asked)).map((line) => this.place(line));
        if (!places.includes(0)) await sleep(places.includes(1) ? NEXT_LOOK_MS : LOOK_MS);
      } catch {
        for (const tenant of asked) this.settle(tenant, { line: undefined, waited: false });
      }
    }
    this.looking = false;
  }

  /** How many stand before this process, whose turn it is when there are none. */
  private place(line: Line): number {
    const waiting = this.waiting.get(line.tenant)!;
    const place = line.writers.indexOf(this.writer);
    if (place === 0) this.settle(line.tenant, { line, waited: waiting.under !== undefined });
    else this.waits(line, waiting);
    return place;
  }

  private waits({ tenant, turn, writers }: Line, waiting: Waiting): void {
    const now = performance.now();
    if (waiting.under?.turn !== turn) waiting.under = { turn, since: now };
    const [first] = writers;
    if (first !== undefined && now - waiting.under.since > STUCK_MS) {
      void this.change({ tenant, ends: first, turn, head: undefined });
    }
    if (now - waiting.since < PATIENCE_MS) return;
    void this.change({ tenant, leaves: this.writer });
    this.settle(tenant, { line: undefined, waited: true });
  }

  private settle(tenant: string, granted: Granted): void {
    const waiting = this.waiting.get(tenant);
    this.waiting.delete(tenant);
    waiting?.resolve(granted);
  }
}
