import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { StartCheck } from '../checkpoints/start-check.js';
import { Rounds } from '../rounds.js';
import { LegalHolds } from '../storage/holds.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { HoldKeeping } from './hold-keeping.js';
import { HoldRecords } from './hold-records.js';
import { HoldRenewal } from './hold-renewal.js';
import { Holds } from './holds.js';

const EVERY_MS = 60_000;
/** How often the cold store is asked whether it still holds what it was told to. */
const ASK_MS = 3_600_000;

/**
 * Goes on in the role `ledger` with what placing and releasing left: objects that the cold store did not take on hold,
 * batches that were archived while a hold was placed, events that are not in the ledger.
 */
@Injectable()
export class HoldTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rounds: Rounds;
  private askedAt = -ASK_MS;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles'>,
    private readonly ledgers: Ledgers,
    private readonly holds: LegalHolds,
    private readonly keeping: HoldKeeping,
    private readonly records: HoldRecords,
    private readonly renewal: HoldRenewal,
    private readonly inForce: Holds,
    private readonly startCheck: StartCheck,
    private readonly log: Log,
  ) {
    const failed = (error: unknown): void => log.warn('audit.hold_turn_failed', { error_code: codeOf(error) });
    this.rounds = new Rounds(
      () => this.due(),
      failed,
      () => EVERY_MS,
    );
  }

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger')) this.rounds.start(this.startCheck.passed);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
  }

  /** Once. Rejects when the database does not answer. */
  async turn(): Promise<void> {
    const { signal } = this.rounds;
    // First: a release counts from when the ledger says it.
    for (const hold of await this.holds.unrecorded()) await this.recorded(hold.tenant, this.records.record(hold));
    for (const tenant of await this.tenants()) {
      if (signal.aborted) return;
      await this.renewal.mend(tenant);
      await this.recorded(tenant, this.renewal.renew(tenant, new Date()));
      await this.keeping.settle(tenant, signal);
    }
  }

  /** Rejects when the database does not answer. */
  async ask(): Promise<void> {
    for (const tenant of await this.tenants()) {
      await this.keeping.putBack(tenant, this.rounds.signal).catch((error: unknown) => {
        this.log.warn('audit.hold_unasked', { tenant_id: tenant, error_code: codeOf(error) });
      });
    }
  }

  /** Those that have, or once had, a hold. */
  private async tenants(): Promise<string[]> {
    const found: string[] = [];
    for (const { _id } of await this.ledgers.all()) {
      if ((await this.holds.any(_id)) || (await this.inForce.active(_id)).length > 0) found.push(_id);
    }
    return found;
  }

  private async recorded(tenant: string, recording: Promise<void>): Promise<void> {
    await recording.catch((error: unknown) => {
      this.log.warn('audit.hold_unrecorded', { tenant_id: tenant, error_code: codeOf(error) });
    });
  }

  private async due(): Promise<void> {
    await this.turn();
    if (performance.now() - this.askedAt < ASK_MS) return;
    this.askedAt = performance.now();
    await this.ask();
  }
}
