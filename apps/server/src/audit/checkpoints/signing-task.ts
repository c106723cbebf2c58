import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { KeptLease, Leases } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { Appenders } from '../append/appenders.js';
import { NoteLedgers } from '../commands/note-ledgers.command.js';
import { leaseOwner } from '../lease-owner.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { SigningRound } from './signing-round.js';
import { StartCheck } from './start-check.js';

/** From the beginning of one round to that of the next, in milliseconds. */
const EVERY_MS = 250;
/** How often ledgers are listed, for those that other processes append to. */
const LIST_MS = 1_000;
const LEASE_MS = 15_000;
const RENEW_MS = 5_000;
const THIN_MS = 3_600_000;

/**
 * Signs the ledgers that grew, in the role `ledger`. The lease lets one process do it; two would sign the same trees.
 * Appending never waits for this.
 */
@Injectable()
export class SigningTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private ended: Promise<void> | undefined;
  private readonly lease: KeptLease;
  private renewedAt = 0;
  private thinnedAt = -THIN_MS;
  private lastFailure: string | undefined;
  private listed: { ledgers: Ledger[]; at: number } = { ledgers: [], at: -LIST_MS };

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly ledgers: Ledgers,
    private readonly startCheck: StartCheck,
    private readonly round: SigningRound,
    private readonly checkpoints: Checkpoints,
    private readonly appenders: Appenders,
    leases: Leases,
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {
    this.lease = new KeptLease(leases, 'ledger-signer', leaseOwner(settings.dataDir), LEASE_MS);
  }

  /** Rejects with AUDIT.ORIGIN_CHANGED. A store that was set back is found here, before anything is appended to it. */
  async onApplicationBootstrap(): Promise<void> {
    await this.ledgers.assertOrigins();
    if (!this.settings.roles.includes('ledger')) return;
    await this.startCheck.run();
    this.running = this.loop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.stopped();
  }

  /** What was recorded before is signed before this resolves, if the store answers. May be called again. */
  async stopped(): Promise<void> {
    this.ended ??= this.stop();
    return this.ended;
  }

  private async stop(): Promise<void> {
    await this.appenders.idle();
    this.stopping.abort();
    await this.running;
    if (this.running && this.lease.isHeld) {
      await this.ledgers
        .all()
        .then((ledgers) => this.round.run(ledgers))
        .catch((error: unknown) => this.failed(error));
      await this.lease.release();
    }
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const began = performance.now();
      await this.turn().then(
        () => (this.lastFailure = undefined),
        (error: unknown) => this.failed(error),
      );
      const left = EVERY_MS - (performance.now() - began);
      await sleep(Math.max(0, left), undefined, { signal }).catch(() => undefined);
    }
  }

  private async turn(): Promise<void> {
    if (!(await this.holdsLease())) return;
    const now = performance.now();
    if (now - this.listed.at >= LIST_MS) this.listed = { ledgers: await this.ledgers.all(), at: now };
    await this.round.run(this.listed.ledgers);
    await this.commands.execute(new NoteLedgers());
    if (now - this.thinnedAt < THIN_MS) return;
    await this.checkpoints.thin(new Date());
    this.thinnedAt = now;
  }

  private async holdsLease(): Promise<boolean> {
    const now = performance.now();
    if (this.lease.isHeld && now - this.renewedAt < RENEW_MS) return true;
    const held = await this.lease.hold();
    this.renewedAt = now;
    return held;
  }

  /** Four times a second the same would be noise. */
  private failed(error: unknown): void {
    const code = codeOf(error);
    if (code === this.lastFailure) return;
    this.lastFailure = code;
    this.log.warn('audit.sign_failed', {
      error_code: code,
      error_message: error instanceof Error ? error.message : '',
    });
  }
}
