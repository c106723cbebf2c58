import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartCheck } from '../checkpoints/start-check.js';
import { Rounds } from '../rounds.js';
import type { Erasure } from './erasure.types.js';
import { Erasures } from '../storage/erasures.store.js';
import { ErasureReplay, type Replayed } from './erasure-replay.js';
import { Erasing } from './erasing.js';

/** How often what was begun is gone on with, in milliseconds. */
const EVERY_MS = 60_000;
/** How often the receipts are read for what a restored backup forgot. */
const REPLAY_MS = 3_600_000;
/** Keys that are destroyed at once; each takes a moment in which nothing is done. */
const AT_ONCE = 64;
/** A cold store that does not answer keeps nobody from starting. */
const START_MS = 15_000;

/**
 * Sees to it in the role `ledger` that what was erased stays so: what a crash left is finished, and a restored backup's
 * keys are destroyed again, before a request is answered and then hourly.
 */
@Injectable()
export class ErasureTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rounds: Rounds;
  private replaying: Promise<void> | undefined;
  private replayedAt = -REPLAY_MS;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles'>,
    private readonly erasures: Erasures,
    private readonly erasing: Erasing,
    private readonly replay: ErasureReplay,
    private readonly startCheck: StartCheck,
    private readonly log: Log,
  ) {
    const failed = (error: unknown): void => log.warn('audit.erasure_turn_failed', { error_code: codeOf(error) });
    this.rounds = new Rounds(
      () => this.round(),
      failed,
      () => EVERY_MS,
    );
  }

  /** Keys alone: nothing is appended to a ledger before it was compared with what was signed of it. */
  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.roles.includes('ledger')) return;
    this.replaying = this.destroyed();
    await Promise.race([this.replaying, sleep(START_MS, undefined, { ref: false })]);
    this.rounds.start(Promise.all([this.replaying, this.startCheck.passed]));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
    await this.replaying;
  }

  /** Reads all receipts, and does what they ask. What cannot be read is told, and read again by the next round. */
  async replayNow(signal: AbortSignal = this.rounds.signal): Promise<Replayed> {
    const found = await this.replay.look(signal);
    for (let from = 0; from < found.again.length; from += AT_ONCE) {
      const some = found.again.slice(from, from + AT_ONCE);
      await Promise.all(some.map((erasure) => this.tried(erasure, (one) => this.erasing.destroy(one))));
    }
    for (const [tenant, error] of found.failures) {
      this.log.error('audit.erasure_replay_failed', { tenant_id: tenant, error_code: codeOf(error) });
    }
    if (found.failures.size === 0) this.replayedAt = performance.now();
    return found;
  }

  /** Goes on with everything that was begun. */
  async turn(): Promise<void> {
    for (const erasure of await this.erasures.unfinished()) {
      if (this.rounds.signal.aborted) return;
      await this.tried(erasure, (one) => this.erasing.finish(one));
    }
  }

  private async round(): Promise<void> {
    if (performance.now() - this.replayedAt >= REPLAY_MS) await this.destroyed();
    await this.turn();
  }

  private async destroyed(): Promise<void> {
    await this.replayNow().catch((error: unknown) => {
      if (!this.rounds.signal.aborted) this.log.error('audit.erasure_replay_failed', { error_code: codeOf(error) });
    });
  }

  /** One that cannot go on now keeps no other from it. */
  private async tried(erasure: Erasure, act: (erasure: Erasure) => Promise<Erasure>): Promise<void> {
    await act(erasure).catch((error: unknown) => {
      const fields = { tenant_id: erasure.tenant, error_code: codeOf(error), run_id: erasure._id };
      this.log.warn('audit.erasure_waits', fields);
    });
  }
}
