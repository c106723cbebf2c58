import { Injectable } from '@nestjs/common';
import { Metrics } from '#libs/telemetry';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import type { ColdCopyState } from './cold-copy.types.js';
import { ColdStores } from './cold-stores.js';

/** Measured by the batch records; no series has a tenant. */
@Injectable()
export class ColdCopyProgress {
  constructor(
    private readonly cold: ColdStores,
    private readonly batches: ArchiveBatches,
    ledgers: Ledgers,
    metrics: Metrics,
  ) {
    metrics.gauge(
      {
        name: 'assay_cold_copy_lag_seconds',
        help: 'Age of the oldest archived batch that the second cold store has not; 0 without such a store',
      },
      async () => {
        if (!this.cold.hasCopy) return 0;
        const ages = (await ledgers.all()).map(async ({ _id }) => this.lagMs(_id));
        return Math.max(0, ...(await Promise.all(ages))) / 1_000;
      },
    );
  }

  /** Null when no second store is configured. */
  async of(tenant: string): Promise<ColdCopyState | null> {
    const place = this.cold.copyName;
    if (place === undefined) return null;
    return { place, lag_batches: await this.batches.countNotCopied(tenant), lag_ms: await this.lagMs(tenant) };
  }

  private async lagMs(tenant: string): Promise<number> {
    const oldest = await this.batches.oldestNotCopied(tenant);
    return oldest ? Math.max(0, Date.now() - oldest.archivedAt.getTime()) : 0;
  }
}
