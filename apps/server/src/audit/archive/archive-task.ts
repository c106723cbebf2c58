import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { codeOf, hasCode } from '#libs/kernel';
import { KeptLease, Leases } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartCheck } from '../checkpoints/start-check.js';
import { leaseOwner } from '../lease-owner.js';
import { Rounds } from '../rounds.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { ArchiveGuards } from './archive-guards.js';
import { ArchiveRun } from './archive-run.js';

const HOUR_MS = 3_600_000;
const LEASE_MS = 60_000;

/** Archives what is old enough of all ledgers, once a day (UTC), in the role `ledger`. */
@Injectable()
export class ArchiveTask implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly rounds: Rounds;
  private readonly lease: KeptLease;

  constructor(
    @Inject(Settings)
    private readonly settings: Pick<Settings, 'roles' | 'dataDir'> & { audit: Pick<Settings['audit'], 'archive'> },
    private readonly guards: ArchiveGuards,
    private readonly runs: ArchiveRun,
    private readonly ledgers: Ledgers,
    leases: Leases,
    private readonly startCheck: StartCheck,
    log: Log,
  ) {
    this.lease = new KeptLease(leases, 'ledger-archive', leaseOwner(settings.dataDir), LEASE_MS);
    const failed = (error: unknown): void => log.warn('audit.archive_failed', { error_code: codeOf(error) });
    this.rounds = new Rounds(
      () => this.tick(new Date()),
      failed,
      () => HOUR_MS - (Date.now() % HOUR_MS),
    );
  }

  /** At the start and then on every hour. */
  onApplicationBootstrap(): void {
    const { roles, audit } = this.settings;
    if (roles.includes('ledger') && audit.archive.enabled) this.rounds.start(this.startCheck.passed);
  }

  /** A run that is under way stops between two steps; the next one goes on. */
  async onModuleDestroy(): Promise<void> {
    await this.rounds.stop();
  }

  /** The day's run, if it is due and no other process is at it. Public for a clock that is not the wall's. */
  async tick(now: Date): Promise<void> {
    try {
      await this.guards.assertDue(now);
    } catch (error) {
      if (hasCode(error, 'AUDIT.ARCHIVE_NOT_DUE')) return;
      throw error;
    }
    await this.lease.whileHeld(async (taken) => {
      // If the process dies here or below, the day is not used up: the next run goes on where this one was.
      if (await this.all(now, AbortSignal.any([this.rounds.signal, taken]))) await this.guards.done(now);
    });
  }

  /** Until nothing of any ledger is old enough. One that fails keeps no other from its run; false when one did. */
  private async all(now: Date, signal: AbortSignal): Promise<boolean> {
    let whole = true;
    for (const { _id: tenant, state } of await this.ledgers.all()) {
      if (state !== 'open') continue;
      try {
        while (!signal.aborted && (await this.runs.runOnce(tenant, now, signal)).eventCount > 0);
      } catch {
        // The run told it.
        whole = false;
      }
    }
    return whole && !signal.aborted;
  }
}
