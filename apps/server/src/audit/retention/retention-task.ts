import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Leases, type Lease } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartCheck } from '../checkpoints/start-check.js';
import { leaseOwner } from '../lease-owner.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { RetentionReport } from './retention-report.js';
import { RetentionRun } from './retention-run.js';

const EVERY_MS = 3_600_000;
/** Longer than a round, so that the same process goes on. */
const LEASE_MS = 3 * EVERY_MS;

/** Ends the retention of archived batches hourly, in the role `ledger`; of several processes one does, under a lease. */
@Injectable()
export class RetentionTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private lease: Lease | null = null;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly ledgers: Ledgers,
    private readonly run: RetentionRun,
    private readonly report: RetentionReport,
    private readonly leases: Leases,
    private readonly startCheck: StartCheck,
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

  /** Every ledger, once, and what is overdue into the log; also those without a retention, for what was begun when they had one. */
  async round(now: Date): Promise<void> {
    const { signal } = this.stopping;
    for (const { _id: tenant } of await this.ledgers.all()) {
      if (signal.aborted) return;
      await this.run.runOnce(tenant, now, signal).catch((error: unknown) => {
        this.log.warn('audit.retention_failed', { tenant_id: tenant, error_code: codeOf(error) });
      });
      await this.tell(tenant, now);
    }
  }

  private async tell(tenant: string, now: Date): Promise<void> {
    const { overdue } = await this.report.of(tenant, now);
    for (const { what, reason, since, code } of overdue) {
      const late = { resource: what, decision_reason: reason, duration_ms: now.getTime() - Date.parse(since) };
      this.log.warn('audit.retention_overdue', { tenant_id: tenant, ...late, ...(code && { error_code: code }) });
    }
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    await Promise.race([this.startCheck.passed, once(signal, 'abort')]);
    while (!signal.aborted) {
      await this.turn().catch((error: unknown) => {
        this.log.warn('audit.retention_failed', { error_code: codeOf(error) });
      });
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async turn(): Promise<void> {
    if (this.lease && !(await this.leases.renew(this.lease))) this.lease = null;
    this.lease ??= await this.leases.acquire('ledger-retention', leaseOwner(this.settings.dataDir), LEASE_MS);
    if (this.lease) await this.round(new Date());
  }
}
