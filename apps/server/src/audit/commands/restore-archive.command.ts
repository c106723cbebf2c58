import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

export interface RestoredArchive {
  id: string;
  startSeq: number;
  endSeq: number;
  eventCount: number;
  /** RFC 3339: the copies are removed after this. */
  until: string;
}

/**
 * Puts copies of an archived batch beside hot storage for so many days, by an operator: then every filter finds its
 * events. The batch is verified in full before the first copy is written, that of the second store
 * where the first one's does not verify, and stays where it is. Given again, it lasts for
 * the longer of both; when it fails, give it again and it goes on. An event of the ledger before the copies are used.
 * Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.ARCHIVE_NOT_FOUND, AUDIT.ARCHIVE_RETIRED, AUDIT.ARCHIVE_MISSING,
 * AUDIT.ARCHIVE_ALTERED, AUDIT.ARCHIVE_KEY_MISSING, AUDIT.VERIFICATION_BUSY, AUDIT.SUSPENDED or OBJECT_STORE codes.
 */
export class RestoreArchive extends Command<RestoredArchive> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly days: number,
    readonly requester: Requester,
  ) {
    super();
  }
}
