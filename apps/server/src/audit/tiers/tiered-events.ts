import { Injectable } from '@nestjs/common';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { gapsFilled } from '../domain/gaps.js';
import { isSettled, newestFirst, newestOf, type Placed } from '../domain/newest-first.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { LedgerEntries, type EntryOfPage, type PageOfEntries } from '../storage/ledger-entries.store.js';
import { Restorations, type Restoration } from '../storage/restorations.store.js';
import { RestoredEntries } from '../storage/restored-entries.store.js';
import { ArchivedEntries } from './archived-entries.js';
import type { Tier } from './tier.types.js';

export type TieredEntry = EntryOfPage & { tier: Tier };

/**
 * The entries of a ledger wherever they are. Hot storage is read first, then what is restored, then the records of
 * batches: an entry that left hot storage in between has a batch by then, and a restored one is in its batch as well.
 * Rejects as ArchivedEntries does.
 */
@Injectable()
export class TieredEvents {
  constructor(
    private readonly entries: LedgerEntries,
    private readonly restorations: Restorations,
    private readonly restored: RestoredEntries,
    private readonly batches: ArchiveBatches,
    private readonly archived: ArchivedEntries,
  ) {}

  /** Oldest first, after `seq`: for those who follow the ledger. */
  async following(tenant: string, seq: number, limit: number): Promise<TieredEntry[]> {
    const asked = { after: seq, limit };
    const hot = tiered('hot', await this.entries.following(tenant, seq, limit));
    let restorations: readonly string[] | undefined;
    const inDatabase = await gapsFilled(hot, asked, async (gap) => {
      restorations ??= (await this.restorations.restored(tenant)).map(({ restoration }) => restoration);
      return tiered('restored', await this.restored.between(restorations, gap));
    });
    return gapsFilled(inDatabase, asked, async (gap) => tiered('archived', await this.archived.between(tenant, gap)));
  }

  /** The event of this id. */
  async find(tenant: string, id: string): Promise<TieredEntry | undefined> {
    const hot = await this.entries.entryOf(tenant, id);
    if (hot) return { ...hot, tier: 'hot' };
    for (const { restoration } of await this.restorations.restored(tenant)) {
      const restored = await this.restored.find(restoration, id);
      if (restored) return { ...restored, tier: 'restored' };
    }
    const archived = await this.archived.find(tenant, id);
    return archived && { ...archived, tier: 'archived' };
  }

  /**
   * Newest first, by (ts, seq). A batch is read only when it can change the page, and only for a window: rejects with
   * AUDIT.RANGE_REQUIRED where `kind` or `job_id` is asked for over a batch that is not restored, be the page full without
   * it: what is refused depends on what was asked, not on how much was found (docs/adr/0031).
   */
  async page(tenant: string, asked: PageOfEntries): Promise<TieredEntry[]> {
    const before = await this.restorations.restored(tenant);
    const hot = tiered('hot', await this.entries.page(tenant, asked));
    const restored: TieredEntry[] = [];
    for (const { restoration } of before.filter((one) => isInWindow(one, asked))) {
      restored.push(...tiered('restored', await this.restored.page(restoration, asked)));
    }
    const page = newestOf(asked.limit, hot, restored);
    if (asked.kind !== undefined || asked.job_id !== undefined) {
      const cold = await this.coldBatches(tenant, asked, before);
      if (cold.length > 0) throw await this.rangeRequired(tenant);
      return page;
    }
    // Nothing older than a full page's last can change it.
    const cold = await this.coldBatches(tenant, { ...asked, since: page[asked.limit - 1]?.ts ?? asked.since }, before);
    return this.pageOver(cold, page, asked);
  }

  private async pageOver(
    cold: readonly ArchiveBatch[],
    inDatabase: TieredEntry[],
    asked: PageOfEntries,
  ): Promise<TieredEntry[]> {
    let page = inDatabase;
    const newestBatchFirst = [...cold].sort((a, b) => newestFirst(newestIn(a), newestIn(b)));
    for (const batch of newestBatchFirst) {
      if (isSettled(page, asked.limit, newestIn(batch))) break;
      page = newestOf(asked.limit, page, tiered('archived', await this.archived.page(batch, asked)));
    }
    return page;
  }

  /** Those of the window whose entries are neither all in hot storage nor all restored, before and after they were read. */
  private async coldBatches(
    tenant: string,
    asked: PageOfEntries,
    restoredBefore: readonly Restoration[],
  ): Promise<ArchiveBatch[]> {
    // In the order of texts after every time of that millisecond: older entries of it may be in a batch that begins with it.
    const until = asked.before ? `${asked.before.ts}~` : asked.until;
    const left = (await this.batches.inWindow(tenant, asked.since, until)).filter(
      (batch) => (batch.state === 'deleting' || batch.state === 'done') && isInWindow(batch, asked),
    );
    if (left.length === 0) return [];
    const still = new Set((await this.restorations.restored(tenant)).map(({ restoration }) => restoration));
    const restored = new Set(restoredBefore.filter(({ restoration }) => still.has(restoration)).map(({ _id }) => _id));
    return left.filter(({ _id }) => !restored.has(_id));
  }

  private async rangeRequired(tenant: string): Promise<AuditError> {
    const newest = (await this.batches.newestTs(tenant)) ?? new Date().toISOString();
    const since = new Date(Date.parse(newest) + 1).toISOString();
    return new AuditError(
      'AUDIT.RANGE_REQUIRED',
      `kind and job_id are searched in hot storage alone: ask with since=${since} or later, or by after_seq, id or time alone`,
      { details: [{ pointer: '/since', code: 'range_required', detail: `expected ${since} or later` }] },
    );
  }
}

const tiered = (tier: Tier, entries: readonly EntryOfPage[]): TieredEntry[] =>
  entries.map(({ seq, ts, bytes, leaf_hash, chain_hash }) => ({ seq, ts, bytes, leaf_hash, chain_hash, tier }));

/** No entry of the batch comes before this one. */
const newestIn = ({ maxTs, endSeq }: ArchiveBatch): Placed => ({ ts: maxTs, seq: endSeq });

/** Whether any entry of the batch may be in the window. */
function isInWindow(
  { minTs, maxTs, startSeq }: Pick<ArchiveBatch, 'minTs' | 'maxTs' | 'startSeq'>,
  { since, until, before }: PageOfEntries,
): boolean {
  if (since !== undefined && maxTs < since) return false;
  if (until !== undefined && minTs >= until) return false;
  return before === undefined || newestFirst({ ts: minTs, seq: startSeq }, before) > 0;
}
