import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { LedgerVerdict } from '../verification/verification.types.js';

/** The report of one batch's range. */
export interface ArchiveVerdict extends LedgerVerdict {
  batch_id: string;
  /** Whether the copy was read, and not the primary. */
  copy: boolean;
}

/**
 * Verifies one archived batch where it lies, while the caller waits, and records that it was verified: once per
 * credential, batch, verdict and hour. Fails with AUDIT.ARCHIVE_NOT_FOUND, AUDIT.ARCHIVE_COPY_NOT_FOUND or
 * AUDIT.VERIFICATION_BUSY, of another tenant than the requester's with AUDIT.OPERATOR_REQUIRED, and with the reason of
 * `caller` when that is aborted.
 */
export class VerifyArchive extends Command<ArchiveVerdict> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly copy: boolean,
    readonly requester: Requester & { credential: string },
    readonly caller?: AbortSignal,
  ) {
    super();
  }
}
