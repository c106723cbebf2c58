import type { Head } from '../domain/entry.js';
import type { Line } from '../storage/append-lines.store.js';
import type { TurnDesk } from './turn-desk.js';

/** How long a writer goes on taking turns after it last met another one. */
const CONTENDED_MS = 5_000;
/** A turn: some flushes, so that handing over is a small part of it, but not for long when flushes are slow. */
const TURN_MS = 100;
const TURN_FLUSHES = 4;
const LONG_TURN_MS = 150;

/** What a writer knows when it may flush: nothing new, or that others may have written, and perhaps up to where. */
export type Taken = 'go on' | { head: Head | undefined };

/**
 * The turns of this process at one ledger. A process that has met no other writer pays nothing for them; after a
 * conflict the writers stand in line, so that a flush of one does not cost the others a conflict and each gets its
 * share. Safety never rests on it: writing out of turn costs a conflict.
 */
export class AppendTurns {
  private turn: Line | undefined;
  private began = 0;
  private flushes = 0;
  private contendedUntil = 0;

  constructor(
    private readonly tenant: string,
    private readonly desk: Pick<TurnDesk, 'turn' | 'end'>,
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
      this.flushes += 1;
      return 'go on';
    }
    this.giveBack(head);
    const { line, waited } = await this.desk.turn(this.tenant);
    this.turn = line;
    this.began = performance.now();
    this.flushes = 1;
    if (waited) this.contended();
    return { head: waited ? line?.head : undefined };
  }

  /** Nothing is left to flush, or the turn is over: whoever is next in line goes on from `head`. */
  giveBack(head: Head | undefined): void {
    if (this.turn) this.desk.end(this.turn, head);
    this.turn = undefined;
  }

  private lasts(): boolean {
    const ms = performance.now() - this.began;
    return ms < TURN_MS || (this.flushes < TURN_FLUSHES && ms < LONG_TURN_MS);
  }
}
