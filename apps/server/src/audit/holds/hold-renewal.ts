import { Inject, Injectable } from '@nestjs/common';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { isOld } from '../domain/event-age.js';
import { holdIn } from '../domain/legal-hold.js';
import { LegalHolds } from '../storage/holds.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { HoldRecords } from './hold-records.js';
import { Holds } from './holds.js';

/**
 * Keeps what holds where it is looked for, and what the documents say as the ledger says it. In each turn; by two
 * processes at once a hold may be said twice, which changes nothing.
 */
@Injectable()
export class HoldRenewal {
  constructor(
    @Inject(Settings) private readonly settings: { audit: Pick<Settings['audit'], 'hotRetentionDays'> },
    private readonly stored: LegalHolds,
    private readonly entries: LedgerEntries,
    private readonly holds: Holds,
    private readonly records: HoldRecords,
    private readonly log: Log,
  ) {}

  /**
   * Says again what is about to leave hot storage, or has left it; what was released meanwhile, released again after that.
   * Rejects as HoldRecords.record.
   */
  async renew(tenant: string, now: Date): Promise<void> {
    const placed = await this.entries.ofKind(tenant, 'hold.placed');
    const fresh = placed.filter(({ id }) => !isOld(id, now.getTime(), this.settings.audit.hotRetentionDays));
    const said = new Set(fresh.flatMap((event) => holdIn(event)?._id ?? []));
    const due = (await this.holds.active(tenant)).filter(({ _id }) => !said.has(_id));
    for (const hold of due) await this.records.renewed(hold);
    if (due.length === 0) return;
    // If the process dies here, what was released meanwhile holds again once its release has left hot storage.
    const active = new Set((await this.holds.active(tenant)).map(({ _id }) => _id));
    for (const hold of due) if (!active.has(hold._id)) await this.records.releasedAgain(hold);
  }

  /** A document that is gone, or says released what the ledger does not, is put back, and told: nobody here did that. */
  async mend(tenant: string): Promise<void> {
    // First: what is released in between is in the ledger by then.
    const documents = new Map((await this.stored.all(tenant)).map((hold) => [hold._id, hold]));
    for (const hold of await this.holds.active(tenant)) {
      const document = documents.get(hold._id);
      const isOrdered = document?.unrecorded.some(({ kind }) => kind === 'hold.released');
      const isAltered = document?.released_at !== undefined && !isOrdered;
      if (isAltered) await this.stored.unrelease(hold._id);
      else if (document || !(await this.stored.putBack(hold))) continue;
      this.log.error('audit.hold_altered', { tenant_id: tenant, resource: `legal_hold:${hold._id}` });
    }
  }
}
