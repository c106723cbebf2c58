import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf, hasCode } from '#libs/kernel';
import { Leases, type Lease } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartVerification } from '../commands/start-verification.command.js';
import { backgroundDueAt } from '../domain/background-due.js';
import { isOver } from '../domain/verification.js';
import { leaseOwner } from '../lease-owner.js';
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
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private lease: Lease | null = null;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'audit' | 'dataDir'>,
    private readonly freshness: LedgersFreshness,
    private readonly verifications: Verifications,
    private readonly commands: CommandBus,
    private readonly leases: Leases,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger')) this.running = this.loop();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
    if (this.lease) await this.leases.release(this.lease).catch(() => undefined); // it ends by itself
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

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.turn().catch((error: unknown) => {
        this.log.warn('audit.verification_round_failed', { error_code: codeOf(error) });
      });
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async turn(): Promise<void> {
    if (this.lease && !(await this.leases.renew(this.lease))) this.lease = null;
    this.lease ??= await this.leases.acquire('ledger-verifier', leaseOwner(this.settings.dataDir), LEASE_MS);
    if (this.lease) await this.round(Date.now());
  }
}
