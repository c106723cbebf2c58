import { Command } from '@nestjs/cqrs';
import type { ArchiveOutcome } from '../archive/archive-outcome.types.js';
import type { Requester } from '../audit.types.js';

/**
 * One run of the archive over one ledger, by an operator and an event of that ledger before anything moves: finishes the
 * batch that a run before left, or archives the next. `override` goes past ARCHIVE_ENABLED, the hour and the day. Fails
 * with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE, AUDIT.LEDGER_NOT_FOUND, AUDIT.ARCHIVE_DISABLED,
 * AUDIT.ARCHIVE_NOT_DUE, AUDIT.ARCHIVE_BUSY, AUDIT.SUSPENDED, OBJECT_STORE codes, AUDIT.ARCHIVE_OCCUPIED,
 * AUDIT.ARCHIVE_ALTERED or AUDIT.ARCHIVE_UNPROVEN; then no entry left hot storage that is not in a recorded batch.
 */
export class RunArchive extends Command<ArchiveOutcome> {
  constructor(
    readonly tenant: string,
    readonly override: boolean,
    readonly requester: Requester,
  ) {
    super();
  }
}
