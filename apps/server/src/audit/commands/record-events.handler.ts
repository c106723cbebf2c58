import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Settings } from '../../settings.js';
import { Appenders } from '../append/appenders.js';
import { PreparedEvents } from '../append/prepared-events.js';
import { ArchivedEntries } from '../tiers/archived-entries.js';
import { NewestArchivedIds } from '../archive/newest-archived-ids.js';
import { AuditError } from '../audit.errors.js';
import type { RecordedEvent, SealedEvent } from '../audit.types.js';
import { sameBytes } from '../domain/entry.js';
import { assertFresh, assertNotAhead, isOld } from '../domain/event-age.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { RecordEvents } from './record-events.command.js';

@CommandHandler(RecordEvents)
export class RecordEventsHandler implements ICommandHandler<RecordEvents> {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'audit'>,
    private readonly appenders: Appenders,
    private readonly prepared: PreparedEvents,
    private readonly entries: LedgerEntries,
    private readonly archivedIds: NewestArchivedIds,
    private readonly archivedEntries: ArchivedEntries,
  ) {}

  async execute({ tenant, events }: RecordEvents): Promise<RecordedEvent[]> {
    const now = Date.now();
    for (const { id } of events) assertNotAhead(id, now);
    const archived = await this.archivedIds.of(tenant);
    const old = events.filter(({ id }) => (archived !== undefined && id <= archived) || this.isOld(id, now));
    const there = old.length === 0 ? [] : await this.found(tenant, old, now);
    const seqs = new Map(there.map(({ id, seq }) => [id, seq]));
    const fresh = events.filter(({ id }) => !seqs.has(id));
    const appender = this.appenders.of(tenant);
    const appended = await appender.append(fresh.map((event) => this.prepared.prepared(tenant, event)));
    for (const { id, seq } of appended) seqs.set(id, seq);
    return events.map(({ id }) => ({ id, seq: seqs.get(id)! }));
  }

  /**
   * Those that are hot. Of the others none may be appended that is too old, or archived: the hot index cannot tell any
   * more that it is not doubled.
   */
  private async found(tenant: string, events: readonly SealedEvent[], now: number): Promise<RecordedEvent[]> {
    const ids = events.map(({ id }) => id);
    const there = await this.entries.find(tenant, ids);
    const recorded: RecordedEvent[] = [];
    for (const { id, bytes } of events) {
      const hot = there.get(id);
      if (hot && !sameBytes(hot.bytes, bytes)) {
        throw new AuditError('AUDIT.EVENT_CONFLICT', `event ${id} is recorded with other bytes`);
      }
      if (hot) recorded.push({ id, seq: hot.seq });
      else await this.assertNew(tenant, id, now);
    }
    return recorded;
  }

  private async assertNew(tenant: string, id: string, now: number): Promise<void> {
    assertFresh(id, now, this.settings.audit.hotRetentionDays);
    // Younger than that and archived: while the hot retention was set to less.
    const archived = await this.archivedEntries.find(tenant, id);
    if (archived) throw new AuditError('AUDIT.EVENT_TOO_OLD', `event ${id} is archived, at seq ${archived.seq}`);
  }

  private isOld(id: string, now: number): boolean {
    return isOld(id, now, this.settings.audit.hotRetentionDays);
  }
}
