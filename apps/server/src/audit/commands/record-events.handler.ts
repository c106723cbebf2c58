import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Settings } from '../../settings.js';
import { Appenders } from '../append/appenders.js';
import { PreparedEvents } from '../append/prepared-events.js';
import { NewestArchivedIds } from '../archive/newest-archived-ids.js';
import { AuditError } from '../audit.errors.js';
import type { RecordedEvent, SealedEvent } from '../audit.types.js';
import { sameBytes } from '../domain/entry.js';
import { assertNotAhead, isOld, tooOld } from '../domain/event-age.js';
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
  ) {}

  async execute({ tenant, events }: RecordEvents): Promise<RecordedEvent[]> {
    const now = Date.now();
    for (const { id } of events) assertNotAhead(id, now);
    const archived = await this.archivedIds.of(tenant);
    const mayBeArchived = ({ id }: SealedEvent): boolean =>
      (archived !== undefined && id <= archived) || isOld(id, now, this.settings.audit.hotRetentionDays);
    const old = events.filter(mayBeArchived);
    if (old.length === 0) return this.appended(tenant, events);
    const recorded = [
      ...(await this.found(tenant, old, archived)),
      ...(await this.appended(
        tenant,
        events.filter((event) => !mayBeArchived(event)),
      )),
    ];
    const seqs = new Map(recorded.map(({ id, seq }) => [id, seq]));
    return events.map(({ id }) => ({ id, seq: seqs.get(id)! }));
  }

  private async appended(tenant: string, events: readonly SealedEvent[]): Promise<RecordedEvent[]> {
    return this.appenders.of(tenant).append(events.map((event) => this.prepared.prepared(tenant, event)));
  }

  /** Never appended: the hot index cannot tell any more that they are not in the archive. */
  private async found(
    tenant: string,
    events: readonly SealedEvent[],
    archived: string | undefined,
  ): Promise<RecordedEvent[]> {
    const there = await this.entries.find(
      tenant,
      events.map(({ id }) => id),
    );
    return events.map(({ id, bytes }) => {
      const found = there.get(id);
      if (!found) throw tooOld(id, archived ?? 'half of the hot retention');
      if (!sameBytes(found.bytes, bytes)) {
        throw new AuditError('AUDIT.EVENT_CONFLICT', `event ${id} is recorded with other bytes`);
      }
      return { id, seq: found.seq };
    });
  }
}
