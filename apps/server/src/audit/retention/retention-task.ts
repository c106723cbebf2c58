import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { KeptLease, Leases } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartCheck } from '../checkpoints/start-check.js';
import { leaseOwner } from '../lease-owner.js';
import { Rounds } from '../rounds.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { OrphanedObjects } from './orphaned-objects.js';
import { RetentionReport } from './retention-report.js';
import { RetentionRun } from './retention-run.js';

const EVERY_MS = 3_600_000;
/** Longer than a round, so that the same process goes on. */
const LEASE_MS = 3 * EVERY_MS;

/** Ends the retention of archived batches hourly, in the role `ledger`; of several processes one does, under a lease. */
@Injectable()
export class RetentionTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rounds: Rounds;
  private readonly lease: KeptLease;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly ledgers: Ledgers,
    private readonly run: RetentionRun,
    private readonly orphans: OrphanedObjects,
    private readonly report: RetentionReport,
    leases: Leases,
    private readonly startCheck: StartCheck,
    private readonly log: Log,
  ) {
    this.lease = new KeptLease(leases, 'ledger-retention', leaseOwner(settings.dataDir), LEASE_MS);
    const failed = (error: unknown): void => log.warn('audit.retention_failed', { error_code: codeOf(error) });
    this.rounds = new Rounds(
      () => this.turn(),
      failed,
      () => EVERY_MS,
    );
  }

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger')) this.rounds.start(this.startCheck.passed);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
    await this.lease.release();
  }

  /**
   * Every ledger, once, also those without a retention, for what was begun when they had one: what is overdue, or lies in
   * the cold store unnamed, goes into the log. What fails is told, and keeps nothing else from its turn.
   */
  async round(now: Date): Promise<void> {
    const { signal } = this.rounds;
    for (const { _id: tenant } of await this.ledgers.all()) {
      if (signal.aborted) return;
      const told = (action: `audit.${string}`, work: Promise<unknown>): Promise<unknown> =>
        work.catch((error: unknown) => this.log.warn(action, { tenant_id: tenant, error_code: codeOf(error) }));
      await told('audit.retention_failed', this.run.runOnce(tenant, now, signal));
      await told('audit.orphan_look_failed', this.orphans.look(tenant, now, signal));
      await told('audit.retention_report_failed', this.tell(tenant, now));
    }
  }

  private async tell(tenant: string, now: Date): Promise<void> {
    const { overdue } = await this.report.of(tenant, now);
    for (const { what, reason, since, code } of overdue) {
      // The look has told it, with its key.
      if (what === 'orphan') continue;
      const late = { resource: what, decision_reason: reason, duration_ms: now.getTime() - Date.parse(since) };
      this.log.warn('audit.retention_overdue', { tenant_id: tenant, ...late, ...(code && { error_code: code }) });
    }
  }

  private async turn(): Promise<void> {
    if (await this.lease.hold()) await this.round(new Date());
  }
}
