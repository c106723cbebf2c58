import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, Leases } from '#libs/mongo';

/** How long a conflict is remembered: while it is, writers take turns. */
const CONTENDED_MS = 5_000;
/** A turn: so many flushes, or so long. */
const TURN_FLUSHES = 16;
const TURN_MS = 250;
const LEASE_MS = 1_000;
/** Longest wait for a turn; after it the flush goes ahead and the unique index decides. */
const PATIENCE_MS = 400;
const POLL_MS = 8;

/**
 * The advisory append lease of one ledger, held over several flushes. A process that has met no other writer pays
 * nothing for it; after a conflict the writers take turns, so that each flush does not cost the others a conflict.
 * Safety never rests on it: losing it, or not waiting for it, costs a conflict.
 */
export class AppendTurns {
  private lease: Lease | null = null;
  private contendedUntil = 0;
  private turnEnds = 0;
  private flushes = 0;

  constructor(
    private readonly leases: Pick<Leases, 'acquire' | 'release'>,
    private readonly name: string,
    private readonly owner: string,
  ) {}

  /** Another writer got in between. */
  contended(): void {
    this.contendedUntil = performance.now() + CONTENDED_MS;
  }

  /** Resolves when this process may flush. Never rejects for want of a lease. */
  async take(): Promise<void> {
    if (performance.now() > this.contendedUntil) return this.giveBack();
    if (this.lease && this.flushes < TURN_FLUSHES && performance.now() < this.turnEnds) {
      this.flushes += 1;
      return;
    }
    if (this.lease) {
      await this.giveBack();
      await sleep(2 * POLL_MS); // whoever polls gets the next turn
    }
    await this.waitForTurn();
  }

  async giveBack(): Promise<void> {
    const { lease } = this;
    this.lease = null;
    if (lease) await this.leases.release(lease).catch(() => undefined); // it ends by itself
  }

  private async waitForTurn(): Promise<void> {
    const patience = performance.now() + PATIENCE_MS;
    do {
      this.lease = await this.leases.acquire(this.name, this.owner, LEASE_MS).catch(() => null);
      if (this.lease) {
        this.flushes = 1;
        this.turnEnds = performance.now() + TURN_MS;
        return;
      }
      await sleep(POLL_MS * (0.5 + Math.random()));
    } while (performance.now() < patience);
  }
}
