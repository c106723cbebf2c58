import { Inject, Injectable } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { Holds } from '../holds/holds.js';
import { AuditKeys } from '../keys/audit-keys.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { Retirements, type RetentionLook } from '../storage/retirements.store.js';
import { BatchRetiring } from './batch-retiring.js';
import { retentionDaysOf, retiredFrom } from './retention-days.js';

/** Placed or locked in the moment between the look and the act. */
const REASONS: Readonly<Record<string, Stopped['reason']>> = {
  'OBJECT_STORE.RETAINED': 'lock',
  'AUDIT.BATCH_HELD': 'hold',
};

type Stopped = NonNullable<RetentionLook['stopped']>;

/**
 * Retires the archived batches of a ledger whose retention is over: the oldest first and none before the one before it,
 * so that what is left is one range. Never one that a case holds or that the cold store locks. May be done twice, and by
 * two processes at once.
 */
@Injectable()
export class RetentionRun {
  constructor(
    @Inject(Settings) private readonly settings: { audit: Pick<Settings['audit'], 'retentionDays'> },
    private readonly keys: AuditKeys,
    private readonly ledgers: Ledgers,
    private readonly batches: ArchiveBatches,
    private readonly holds: Holds,
    private readonly retirements: Retirements,
    private readonly retiring: BatchRetiring,
    private readonly log: Log,
  ) {}

  /**
   * Everything that is due at `now`, after what was begun; what is not due any more and whole is kept. What keeps a
   * batch from going ends the run and is in what it resolves with, and in the database for the report. Rejects with
   * AUDIT.KEYS_ELSEWHERE.
   */
  async runOnce(tenant: string, now: Date, signal?: AbortSignal): Promise<RetentionLook> {
    this.keys.assertSigns();
    const look: RetentionLook = { _id: tenant, at: now, retired: 0 };
    const stopped = await this.run(tenant, now, look, signal);
    const result = { ...look, ...(stopped && { stopped }) };
    await this.retirements.looked(result);
    return result;
  }

  private async run(
    tenant: string,
    now: Date,
    look: RetentionLook,
    signal: AbortSignal | undefined,
  ): Promise<Stopped | undefined> {
    for (const { _id } of await this.retirements.begun(tenant)) {
      const batch = await this.batches.get(tenant, _id);
      if (batch && !batch.going && !this.isDue(batch, now)) {
        // If the process dies in between, the next run withdraws what it took back.
        if (batch.state === 'done' || (await this.batches.takeBack(_id))) await this.retirements.withdraw(_id);
        continue;
      }
      const stopped = batch && (await this.tried(batch, now, look));
      if (stopped) return stopped;
    }
    for await (const batch of this.batches.kept(tenant)) {
      if (signal?.aborted) return undefined;
      if (!this.isDue(batch, now)) return undefined;
      const stopped = await this.tried(batch, now, look);
      if (stopped) return stopped;
    }
    return undefined;
  }

  private isDue(batch: ArchiveBatch, now: Date): boolean {
    if (batch.state !== 'done' && batch.state !== 'retired') return false;
    const from = retiredFrom(batch, retentionDaysOf(this.settings.audit.retentionDays, batch.tenant));
    return from !== undefined && from <= now;
  }

  private async tried(batch: ArchiveBatch, now: Date, look: RetentionLook): Promise<Stopped | undefined> {
    try {
      const reason = await this.obstacle(batch);
      if (reason) return { batch: batch._id, reason };
      const days = retentionDaysOf(this.settings.audit.retentionDays, batch.tenant);
      await this.retiring.retire(batch, { days, now });
      look.retired += 1;
      return undefined;
    } catch (error) {
      const code = codeOf(error);
      this.log.warn('audit.retention_failed', { tenant_id: batch.tenant, error_code: code, run_id: batch._id });
      return { batch: batch._id, reason: REASONS[code] ?? 'failing', code };
    }
  }

  private async obstacle(batch: ArchiveBatch): Promise<Stopped['reason'] | undefined> {
    const { tenant, state } = batch;
    if ((await this.ledgers.find(tenant))?.state !== 'open') return 'suspended';
    // Retiring looks for holds itself, if they come in time.
    if (state === 'retired') return undefined;
    if ((await this.holds.of(tenant, batch)).length > 0) return 'hold';
    return this.retiring.lockOn(batch);
  }
}
