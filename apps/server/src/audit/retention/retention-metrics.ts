import { Injectable } from '@nestjs/common';
import { Metrics } from '#libs/telemetry';
import { RetentionReport } from './retention-report.js';
import type { Overdue } from './retention-report.types.js';

/** A scrape costs a look at every ledger: not more often than this, in milliseconds. */
const KNOWN_MS = 60_000;

/** What monitoring watches of retention. No series has a tenant. */
@Injectable()
export class RetentionMetrics {
  private known: { overdue: Promise<Overdue[]>; at: number } | undefined;

  constructor(
    metrics: Metrics,
    private readonly report: RetentionReport,
  ) {
    metrics.gauge(
      { name: 'assay_retention_overdue', help: 'Ranges and erasures that should have left by now and have not' },
      async () => (await this.overdue()).length,
    );
    metrics.gauge(
      {
        name: 'assay_retention_overdue_seconds',
        help: 'Since what has been overdue for longest should have left; 0: nothing is',
      },
      async () => Math.max(0, ...(await this.overdue()).map(({ since }) => Date.now() - Date.parse(since))) / 1_000,
    );
  }

  private overdue(): Promise<Overdue[]> {
    const at = performance.now();
    if (this.known && at - this.known.at < KNOWN_MS) return this.known.overdue;
    const overdue = this.report.all(new Date()).then((views) => views.flatMap((view) => view.overdue));
    this.known = { overdue, at };
    return overdue;
  }
}
