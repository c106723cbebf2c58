import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf, hasCode } from '#libs/kernel';
import { KeptLease, Leases } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartVerification } from '../commands/start-verification.command.js';
import { backgroundDueAt } from '../domain/background-due.js';
import { isOver } from '../domain/verification.js';
import { leaseOwner } from '../lease-owner.js';
import { Rounds } from '../rounds.js';
import { Verifications } from '../storage/verifications.store.js';
import { LedgersFreshness } from './ledger-freshness.js';

const EVERY_MS = 60_000;
/** Longer than a round, so that the same process goes on. */
const LEASE_MS = 3 * EVERY_MS;
/** Verifications that ended are forgotten after this; the newest of a ledger is never so old. */
const KEPT_MS = 90 * 24 * 3_600_000;

const REQUESTER = { actor: { type: 'system', id: 'verifier' }, credential: 'background' } as const;

/** Sees to it that every ledger is verified every AUDIT_VERIFY_HOURS. Of several processes one does, under a lease. */
@Injectable()
export class BackgroundVerification implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rounds: Rounds;
  private readonly lease: KeptLease;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'audit' | 'dataDir'>,
    private readonly freshness: LedgersFreshness,
    private readonly verifications: Verifications,
    private readonly commands: CommandBus,
    leases: Leases,
    log: Log,
  ) {
    this.lease = new KeptLease(leases, 'ledger-verifier', leaseOwner(settings.dataDir), LEASE_MS);
    const failed = (error: unknown): void => log.warn('audit.verification_round_failed', { error_code: codeOf(error) });
    this.rounds = new Rounds(
      () => this.turn(),
      failed,
      () => EVERY_MS,
    );
  }

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger')) this.rounds.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
    await this.lease.release();
  }

  /** Puts every ledger that is due into the queue. */
  async round(now: number): Promise<void> {
    for (const { tenant, since } of await this.freshness.all()) {
      const last = await this.verifications.newestInBackground(tenant);
      if (last && !isOver(last)) continue;
      if (backgroundDueAt(tenant, { hours: this.settings.audit.verifyHours, since, last }) > now) continue;
      const asked = { vkeys: [], require_anchor: false };
      await this.commands
        .execute(new StartVerification(tenant, asked, REQUESTER, 'background'))
        .catch((error: unknown) => {
          if (!hasCode(error, 'AUDIT.VERIFICATION_BUSY')) throw error;
        });
    }
    await this.verifications.forget(new Date(now - KEPT_MS));
  }

  private async turn(): Promise<void> {
    if (await this.lease.hold()) await this.round(Date.now());
  }
}
