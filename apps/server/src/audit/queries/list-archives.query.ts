import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { ColdCopyState } from '../cold/cold-copy.types.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';

/** What of a batch's record is answered as it is stored. */
type ShownAsStored = Omit<ArchiveBatch, '_id' | 'archivedAt' | 'retention' | 'copy' | 'holds'>;

/** The record of an archived batch: what its objects are is asked of them by verifying it. Times in RFC 3339. */
export interface ArchiveView extends ShownAsStored {
  id: string;
  archivedAt: string;
  retention: { mode: ArchiveBatch['retention']['mode']; until: string | null };
  /** Null while the second store, if there is one, lacks it. */
  copy: { copiedAt: string; versionIds: ArchiveBatch['versionIds'] } | null;
  /** Cases whose legal hold lies on it. */
  holds: string[];
  /** Copies of its entries are in the database until then; all of them are when it is `restored`. */
  restored: { state: 'restoring' | 'restored'; until: string } | null;
}

export interface ArchivePage {
  archives: ArchiveView[];
  /** For the next older page; absent on the last one. */
  next_before_seq?: number;
  /** Null without a second store. */
  copy: ColdCopyState | null;
}

/**
 * Archived batches, newest first; those that begin below `before` when that is given. Fails, of another tenant than the
 * requester's, with AUDIT.OPERATOR_REQUIRED or AUDIT.LEDGER_NOT_FOUND.
 */
export class ListArchives extends Query<ArchivePage> {
  constructor(
    readonly tenant: string,
    readonly page: { before: number | undefined; limit: number },
    readonly requester: Requester,
  ) {
    super();
  }
}
