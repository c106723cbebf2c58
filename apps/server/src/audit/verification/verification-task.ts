import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { leaseOwner } from '../lease-owner.js';
import { Verifications } from '../storage/verifications.store.js';
import { VerificationRun } from './verification-run.js';

/** How often the queue is looked at while nothing runs, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** A process that is silent so long has lost its run, in milliseconds of the store's clock. */
export const LEASE_MS = 15_000;

/** Works the queue off in the role `ledger`, one verification at a time. */
@Injectable()
export class VerificationTask implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly owner: string;
  private running: Promise<void> | undefined;
  private lastTenant = '';

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly verifications: Verifications,
    private readonly runs: VerificationRun,
    private readonly log: Log,
  ) {
    this.owner = leaseOwner(settings.dataDir);
  }

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger')) this.running = this.loop();
  }

  /** What runs is put aside for another process before this resolves, if the store answers. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const worked = await this.turn().catch((error: unknown) => {
        this.log.warn('audit.verification_turn_failed', { error_code: codeOf(error) });
        return false;
      });
      if (!worked) await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async turn(): Promise<boolean> {
    const held = await this.verifications.take(this.owner, LEASE_MS, this.lastTenant);
    if (held === null) return false;
    this.lastTenant = held.tenant;
    await this.runs.work(held, this.stopping.signal);
    return true;
  }
}
