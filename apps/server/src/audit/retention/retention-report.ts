import { Inject, Injectable } from '@nestjs/common';
import { Settings } from '../../settings.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Erasures } from '../storage/erasures.store.js';
import { eventOf, LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { Restorations } from '../storage/restorations.store.js';
import { Retirements } from '../storage/retirements.store.js';
import { ArchiveRun } from '../archive/archive-run.js';
import { retentionDaysOf, retiredFrom } from './retention-days.js';
import type { Overdue, RetentionView } from './retention-report.types.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The run of one day may fail and the next one mend it. */
const HOT_GRACE_MS = 2 * DAY_MS;
/** What is looked at every minute or hour may be in between. */
const GRACE_MS = 2 * HOUR_MS;

/** A net under everything that should leave by itself: it looks at what is there, and not at who should have seen to it. */
@Injectable()
export class RetentionReport {
  constructor(
    @Inject(Settings)
    private readonly settings: { audit: Pick<Settings['audit'], 'hotRetentionDays' | 'retentionDays' | 'archive'> },
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly batches: ArchiveBatches,
    private readonly restorations: Restorations,
    private readonly retirements: Retirements,
    private readonly erasures: Erasures,
    private readonly runs: ArchiveRun,
  ) {}

  async of(tenant: string, now: Date): Promise<RetentionView> {
    const { hotRetentionDays, retentionDays, archive } = this.settings.audit;
    const found = await Promise.all([
      this.hot(tenant, now),
      this.archived(tenant, now),
      this.restored(tenant, now),
      this.erasing(tenant, now),
      this.orphaned(tenant),
    ]);
    return {
      tenant,
      retention_days: retentionDaysOf(retentionDays, tenant),
      hot_retention_days: hotRetentionDays,
      archive_enabled: archive.enabled,
      overdue: found.flat(),
    };
  }

  /** Of every ledger. */
  async all(now: Date): Promise<RetentionView[]> {
    const views: RetentionView[] = [];
    for (const { _id } of await this.ledgers.all()) views.push(await this.of(_id, now));
    return views;
  }

  /** What a run would have archived two days ago, and what a run began then and did not finish. */
  private async hot(tenant: string, now: Date): Promise<Overdue[]> {
    const { hotRetentionDays, archive } = this.settings.audit;
    const then = new Date(now.getTime() - HOT_GRACE_MS);
    const unfinished = await this.batches.unfinished(tenant);
    const next = unfinished ? undefined : await this.runs.next(tenant, then);
    const range = unfinished && unfinished.archivedAt <= then ? unfinished : next && rangeOf(next);
    if (!range) return [];
    const [first] = await this.entries.after(tenant, range.startSeq, 1);
    const receivedAt = first && eventOf(first.bytes)?.meta.received_at;
    if (receivedAt === undefined) return [];
    const since = new Date(Date.parse(receivedAt) + hotRetentionDays * DAY_MS);
    const suspended = (await this.ledgers.find(tenant))?.state === 'suspended';
    const reason = suspended ? 'suspended' : archive.enabled ? 'failing' : 'disabled';
    return [overdue('hot', range, since, reason)];
  }

  /**
   * Batches past their retention, in a row from the oldest: what keeps the first of them keeps the others. And those that
   * are retired, and whose objects did not go.
   */
  private async archived(tenant: string, now: Date): Promise<Overdue[]> {
    const days = retentionDaysOf(this.settings.audit.retentionDays, tenant);
    const late = new Date(now.getTime() - GRACE_MS);
    let [first, last]: (ArchiveBatch | undefined)[] = [];
    for await (const batch of this.batches.kept(tenant)) {
      if (!isPast(retiredFrom(batch, days), late)) break;
      first ??= batch;
      last = batch;
    }
    const stopped = (await this.retirements.look(tenant))?.stopped;
    const told = [stopped?.reason ?? 'waiting', stopped?.code] as const;
    const begun = (await this.retirements.begun(tenant)).filter(({ begun_at: at }) => at <= late);
    const half = begun.map((range) => overdue('archived', range, range.begun_at, ...told));
    if (!first || !last) return half;
    const range = { startSeq: first.startSeq, endSeq: last.endSeq };
    return [...half, overdue('archived', range, retiredFrom(first, days) as Date, ...told)];
  }

  private async restored(tenant: string, now: Date): Promise<Overdue[]> {
    const late = new Date(now.getTime() - GRACE_MS);
    const restored = (await this.restorations.restored(tenant)).filter(({ until }) => until <= late);
    return restored.map((range) => overdue('restored', range, range.until, 'failing'));
  }

  private async erasing(tenant: string, now: Date): Promise<Overdue[]> {
    const late = new Date(now.getTime() - GRACE_MS);
    const begun = (await this.erasures.unfinished()).filter((one) => one.tenant === tenant);
    const overdueOnes = begun.filter(({ requested_at }) => requested_at <= late);
    return overdueOnes.map(({ requested_at }) => overdue('erasure', undefined, requested_at, 'failing'));
  }

  private async orphaned(tenant: string): Promise<Overdue[]> {
    const { orphans = [] } = (await this.retirements.look(tenant)) ?? {};
    return orphans.map(({ key, storedAt }) => overdue('orphan', rangeIn(key), storedAt, 'unnamed'));
  }
}

const isPast = (from: Date | undefined, now: Date): boolean => from !== undefined && from <= now;

function rangeIn(key: string): { startSeq: number; endSeq: number } | undefined {
  const [, start, end] = /\/(\d{1,16})-(\d{1,16})-[^/]*$/.exec(key) ?? [];
  return start === undefined ? undefined : { startSeq: Number(start), endSeq: Number(end) };
}

const rangeOf = ({ start, end }: { start: number; end: number }) => ({ startSeq: start, endSeq: end - 1 });

function overdue(
  what: Overdue['what'],
  range: { startSeq: number; endSeq: number } | undefined,
  since: Date,
  reason: Overdue['reason'],
  code?: string,
): Overdue {
  return {
    what,
    from_seq: range?.startSeq ?? null,
    to_seq: range?.endSeq ?? null,
    since: since.toISOString(),
    reason,
    code: code ?? null,
  };
}
