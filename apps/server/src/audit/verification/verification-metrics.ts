import { Inject, Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Metrics } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { GetAuditHealth } from '../queries/get-audit-health.query.js';
import { LedgersFreshness } from './ledger-freshness.js';
import type { LedgerVerdict } from './verification.types.js';

const HOUR_MS = 3_600_000;

/**
 * What monitoring watches of verification. No series has a tenant: of all ledgers the oldest, and how many
 * (verification-metrics.spec.ts).
 */
@Injectable()
export class VerificationMetrics {
  private readonly verifications;
  private readonly breaks;

  constructor(
    metrics: Metrics,
    @Inject(LedgersFreshness) private readonly freshness: Pick<LedgersFreshness, 'all'>,
    @Inject(QueryBus) queries: Pick<QueryBus, 'execute'>,
    @Inject(Settings) private readonly settings: { audit: Pick<Settings['audit'], 'verifyHours'> },
  ) {
    this.verifications = metrics.counter({
      name: 'assay_ledger_verifications_total',
      help: 'Verifications that ended in this process, by what they found',
      labels: ['tier'],
    });
    this.breaks = metrics.counter({
      name: 'assay_ledger_breaks_total',
      help: 'Breaks that verifications in this process found and listed, by class',
      labels: ['class'],
    });
    metrics.gauge(
      {
        name: 'assay_ledger_verification_age_seconds',
        help: 'Since the last whole verification of the ledger that has waited longest for one',
      },
      async () => Math.max(0, ...(await this.ages())) / 1_000,
    );
    metrics.gauge(
      {
        name: 'assay_ledger_verifications_stale',
        help: 'Ledgers whose last whole verification is longer ago than AUDIT_VERIFY_HOURS',
      },
      async () => (await this.ages()).filter((age) => age > this.settings.audit.verifyHours * HOUR_MS).length,
    );
    metrics.gauge(
      { name: 'assay_ledger_broken', help: 'Ledgers whose last whole verification found them broken' },
      async () => (await this.freshness.all()).filter(({ last }) => last?.tier === 'broken').length,
    );
    metrics.gauge(
      {
        name: 'assay_ledger_checkpoint_age_seconds',
        help: 'Age of the oldest entry that no checkpoint covers',
      },
      async () => ((await queries.execute(new GetAuditHealth())).checkpoint_age_ms ?? 0) / 1_000,
    );
  }

  ended({ tier, breaks }: Pick<LedgerVerdict, 'tier' | 'breaks'>): void {
    this.verifications.inc({ tier });
    for (const { class: kind } of breaks) this.breaks.inc({ class: kind });
  }

  private async ages(): Promise<number[]> {
    const now = Date.now();
    return (await this.freshness.all()).map(({ since, last }) => now - (last?.verified_at ?? since).getTime());
  }
}
