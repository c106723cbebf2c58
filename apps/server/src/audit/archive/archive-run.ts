import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { hasCode } from '#libs/kernel';
import { genesisHash, hexOf } from '#libs/ledger';
import { KeptLease, Leases } from '#libs/mongo';
import { Settings } from '../../settings.js';
import { AnchorTargets } from '../anchors/anchor-targets.js';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { leaseOwner } from '../lease-owner.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers, originsOf } from '../storage/ledgers.store.js';
import type { ArchiveOutcome } from './archive-outcome.types.js';
import { ArchiveReports } from './archive-reports.js';
import { BatchLeaving } from './batch-leaving.js';
import { BatchMaking, type NextBatch } from './batch-making.js';
import { selectableRange } from './batch-selection.js';
import { PreviousManifest } from './previous-manifest.js';

const DAY_MS = 86_400_000;
const LEASE_MS = 60_000;
const NOTHING: ArchiveOutcome = { ok: true, batchId: null, startSeq: null, endSeq: null, eventCount: 0 };

/**
 * Moves the oldest entries of a ledger from hot storage to the cold one, a batch a run, in the order of
 * docs/design/archive.md §7. A run may die between any two steps, and two may run at once: what keeps entries from
 * being lost is that they leave after the record, and the record comes after both objects read back; what keeps them
 * from being archived twice is the unique index on (tenant, startSeq). The lease only saves work
 * (archive-run.integration.spec.ts, archive-kill.spec.ts).
 */
@Injectable()
export class ArchiveRun implements OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly running = new Map<string, Promise<unknown>>();

  constructor(
    @Inject(Settings)
    private readonly settings: Pick<Settings, 'dataDir'> & { audit: Pick<Settings['audit'], 'hotRetentionDays'> },
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
    private readonly batches: ArchiveBatches,
    private readonly previous: PreviousManifest,
    private readonly making: BatchMaking,
    private readonly leaving: BatchLeaving,
    private readonly targets: AnchorTargets,
    private readonly keys: AuditKeys,
    private readonly leases: Leases,
    private readonly reports: ArchiveReports,
  ) {}

  /** What is under way stops between two steps; the next run goes on. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled(this.running.values());
  }

  /** Rejects with AUDIT.LEDGER_NOT_FOUND. */
  async assertKnown(tenant: string): Promise<void> {
    if (await this.ledgers.find(tenant)) return;
    throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
  }

  /**
   * Finishes the batch that a run before left, or else archives the next one. `now` decides what is old enough. Rejects
   * with AUDIT.KEYS_ELSEWHERE, AUDIT.SUSPENDED, AUDIT.ARCHIVE_BUSY, or as PreviousManifest, BatchMaking and
   * BatchLeaving do; then no entry left hot storage that is not in a recorded batch. `caller`: aborted when nobody
   * waits any more.
   */
  async runOnce(tenant: string, now: Date, caller?: AbortSignal): Promise<ArchiveOutcome> {
    this.keys.assertSigns();
    await this.ledgers.assertOpen(tenant);
    if (this.running.has(tenant)) throw busy(tenant);
    const began = performance.now();
    const { signal: stopping } = this.stopping;
    const leaving = caller ? AbortSignal.any([stopping, caller]) : stopping;
    const run = this.underLease(tenant, now, leaving);
    this.running.set(tenant, run);
    try {
      const batch = await run;
      if (!batch) return NOTHING;
      this.reports.moved(batch, performance.now() - began);
      const { _id, startSeq, endSeq, eventCount } = batch;
      return { ok: true, batchId: _id, startSeq, endSeq, eventCount };
    } catch (error) {
      if (!leaving.aborted && !hasCode(error, 'AUDIT.ARCHIVE_BUSY')) this.reports.failed(tenant, error);
      throw error;
    } finally {
      this.running.delete(tenant);
    }
  }

  /** A run that loses the lease stops; nothing was at stake. */
  private async underLease(tenant: string, now: Date, leaving: AbortSignal): Promise<ArchiveBatch | undefined> {
    const owner = leaseOwner(this.settings.dataDir);
    const lease = new KeptLease(this.leases, `ledger-archive:${tenant}`, owner, LEASE_MS);
    const batch = await lease.whileHeld((taken) =>
      this.run(tenant, now, AbortSignal.any([leaving, taken])).catch((error: unknown) => {
        throw taken.aborted ? busy(tenant) : error;
      }),
    );
    if (batch === null) throw busy(tenant);
    return batch;
  }

  private async run(tenant: string, now: Date, signal: AbortSignal): Promise<ArchiveBatch | undefined> {
    const unfinished = await this.batches.unfinished(tenant);
    if (unfinished) {
      await this.leaving.finish(unfinished, signal, { checked: false });
      return unfinished;
    }
    const next = await this.next(tenant, now);
    if (!next) return undefined;
    if (next.previous) await this.previous.assertSigned(next.previous, signal);
    const made = await this.making.make(next, now, signal);
    const batch = await this.batches.add(made);
    // If the process dies here, the batch is recorded and all of it is hot: the next run finishes it.
    await this.leaving.finish(batch, signal, { checked: batch._id === made._id });
    return batch;
  }

  /** What may be archived next (docs/design/archive.md §7, step 1); undefined: nothing. */
  async next(tenant: string, now: Date): Promise<NextBatch | undefined> {
    const then = new Date(now.getTime() - this.settings.audit.hotRetentionDays * DAY_MS);
    const anchored = this.targets.all.length > 0;
    const [last, covering, publishedSize] = await Promise.all([
      this.batches.newest(tenant),
      this.checkpoints.newestSignedBy(tenant, then, { anchored }),
      this.checkpoints.publishedSize(tenant),
    ]);
    const start = last ? last.endSeq + 1 : 0;
    const range = selectableRange({ start, coveredSize: covering?.size ?? 0, publishedSize });
    if (!range) return undefined;
    return {
      ...{ tenant, ...range, previous: last },
      previousChainHash: last?.endChainHash ?? (await this.genesis(tenant)),
    };
  }

  private async genesis(tenant: string): Promise<string> {
    return hexOf(genesisHash(originsOf(await this.ledgers.ledger(tenant))[0] as string));
  }
}

const busy = (tenant: string): AuditError =>
  new AuditError('AUDIT.ARCHIVE_BUSY', `another run archives the ledger of ${tenant}`);
