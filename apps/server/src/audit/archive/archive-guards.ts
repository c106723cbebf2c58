import { Inject, Injectable } from '@nestjs/common';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { ArchiveDays } from '../storage/archive-days.store.js';

/** When archives run by themselves: switched on, from an hour of the day on, once a day (UTC) in all processes. */
@Injectable()
export class ArchiveGuards {
  constructor(
    @Inject(Settings) private readonly settings: { audit: Pick<Settings['audit'], 'archive'> },
    private readonly days: ArchiveDays,
  ) {}

  /** Throws AUDIT.ARCHIVE_DISABLED or AUDIT.ARCHIVE_NOT_DUE. */
  async assertDue(now: Date): Promise<void> {
    const { enabled, hourUtc } = this.settings.audit.archive;
    if (!enabled) throw new AuditError('AUDIT.ARCHIVE_DISABLED', 'ARCHIVE_ENABLED is false');
    if (now.getUTCHours() < hourUtc) {
      throw new AuditError('AUDIT.ARCHIVE_NOT_DUE', `expected ${hourUtc}:00 UTC or later, found ${now.toISOString()}`);
    }
    const last = await this.days.last();
    if (last === null || last < dayOf(now)) return;
    throw new AuditError('AUDIT.ARCHIVE_NOT_DUE', `the run of ${last} is done`);
  }

  /** Only when every ledger had its run: a failed one does not use up the day. */
  async done(now: Date): Promise<void> {
    await this.days.done(dayOf(now));
  }
}

const dayOf = (now: Date): string => now.toISOString().slice(0, 10);
