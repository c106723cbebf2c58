import type { Head } from '../domain/entry.js';
import type { Line } from '../storage/append-lines.store.js';
import type { Granted, TurnDesk } from './turn-desk.js';

/** How long a writer goes on taking turns after it last met another one. */
const CONTENDED_MS = 5_000;
/** A turn lasts some flushes, so that handing over is a small part of it, and one at least. */
const TURN_MS = 25;
/** A writer that flushes without meeting anyone looks so often whether somebody stands in line all the same. */
const ASIDE_MS = 250;

/** What a writer knows when it may flush: nothing new, or that others may have written, and perhaps up to where. */
export type Taken = 'go on' | { head: Head | undefined };

/**
 * The turns of this process at one ledger. A process that has met no other writer pays a look now and then, as whoever
 * is faster never meets those whom its flushes keep out; after a conflict the writers stand in line, so that a flush of
 * one does not cost the others a conflict and each gets its share. Safety never rests on it: writing out of turn costs a
 * conflict.
 */
export class AppendTurns {
  private turn: Line | undefined;
  private began = 0;
  /** The turn that came after this process's own last one. */
  private seen: number | undefined;
  private contendedUntil = 0;
  /** When it flushed last without standing in line, */
  private tookAt = 0;
  /** and when it looked aside last, or began to flush after a pause. */
  private lookedAt = 0;

  constructor(
    private readonly tenant: string,
    private readonly desk: Pick<TurnDesk, 'turn' | 'end' | 'isAwaited'>,
  ) {}

  /** Another writer got in between. */
  contended(): void {
    this.contendedUntil = performance.now() + CONTENDED_MS;
  }

  /**
   * Resolves when this process may flush; `head` is the newest entry it knows. Never rejects, and does not wait for
   * ever: what goes wrong with a turn costs a conflict.
   */
  async take(head: Head | undefined): Promise<Taken> {
    if (this.turn ? this.lasts() : performance.now() > this.contendedUntil) {
      if (!this.turn) this.lookAside();
      return 'go on';
    }
    this.giveBack(head);
    const granted = await this.desk.turn(this.tenant);
    this.turn = granted.line;
    this.began = performance.now();
    if (granted.waited) this.contended();
    return this.taken(granted);
  }

  /** Nothing is left to flush, or the turn is over: whoever is next in line goes on from `head`. */
  giveBack(head: Head | undefined): void {
    if (!this.turn) return;
    this.desk.end(this.turn, head);
    this.seen = this.turn.turn + 1;
    this.turn = undefined;
  }

  /** A head in the line counts only when it was left during this process's life: a restored store has older ones. */
  private taken({ line, waited }: Granted): Taken {
    if (!line) return { head: undefined };
    if (line.turn === this.seen) return 'go on';
    const isOfNow = waited || (this.seen !== undefined && line.turn > this.seen);
    return { head: isOfNow ? line.head : undefined };
  }

  /** While the flush is under way. Whoever pauses lets the others in by that. */
  private lookAside(): void {
    const now = performance.now();
    if (now - this.tookAt > ASIDE_MS) this.lookedAt = now;
    this.tookAt = now;
    if (now - this.lookedAt < ASIDE_MS) return;
    this.lookedAt = now;
    void this.desk.isAwaited(this.tenant).then((awaited) => awaited && this.contended());
  }

  private lasts(): boolean {
    return performance.now() - this.began < TURN_MS;
  }
}
