import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { Rounds } from '../rounds.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Restorations } from '../storage/restorations.store.js';
import { RestoredEntries } from '../storage/restored-entries.store.js';

const EVERY_MS = 60_000;

/**
 * Removes the copies of restored batches when their time is over, or when the retention of the batch is, in the role
 * `ledger`. Any number of processes may.
 */
@Injectable()
export class RestorationExpiry implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly rounds: Rounds;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles'>,
    private readonly batches: ArchiveBatches,
    private readonly restorations: Restorations,
    private readonly restored: RestoredEntries,
    log: Log,
  ) {
    const failed = (error: unknown): void => log.warn('audit.restoration_expiry_failed', { error_code: codeOf(error) });
    this.rounds = new Rounds(
      () => this.round(new Date()),
      failed,
      () => EVERY_MS,
    );
  }

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger')) this.rounds.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.rounds.stop();
  }

  /** How many copies were removed. */
  async round(now: Date): Promise<number> {
    for await (const { _id, tenant, restoration, until } of this.restorations.collection.find()) {
      const batch = until > now ? await this.batches.get(tenant, _id) : null;
      if (!batch || batch.state === 'retired') await this.restorations.end(restoration, until);
    }
    // If the process dies here, the copies belong to no restoration: nobody uses them, and the next round removes them.
    return this.restored.sweep((restoration) => this.restorations.known(restoration));
  }
}
