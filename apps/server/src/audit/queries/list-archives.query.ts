import { Query } from '@nestjs/cqrs';
import type { ColdCopyState } from '../cold/cold-copy.types.js';

export interface ArchiveVersions {
  jsonl?: string;
  manifest?: string;
}

/** The record of an archived batch: what its objects are is asked of them by verifying it. Hashes in hex, times RFC 3339. */
export interface ArchiveView {
  id: string;
  archivedAt: string;
  startSeq: number;
  /** Inclusive. */
  endSeq: number;
  eventCount: number;
  manifestSha256: string;
  jsonlKey: string;
  manifestKey: string;
  /** Of the lines, and of the object that holds them. */
  sha256: string;
  storedSha256: string;
  bytesUncompressed: number;
  bytesStored: number;
  /** Where the store keeps versions. */
  versionIds: ArchiveVersions;
  minEventId: string;
  maxEventId: string;
  minTs: string;
  maxTs: string;
  previousChainHash: string;
  endChainHash: string;
  previousManifestSha256: string | null;
  checkpointSize: number;
  retention: { mode: 'governance' | 'compliance' | null; until: string | null };
  encryption: { algorithm: string; keyId: string } | null;
  state: 'recorded' | 'deleting' | 'done' | 'retired';
  /** Null while the second store, if there is one, lacks it. */
  copy: { copiedAt: string; versionIds: ArchiveVersions } | null;
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

/** Archived batches, newest first; those that begin below `before_seq` when that is given. */
export class ListArchives extends Query<ArchivePage> {
  constructor(
    readonly tenant: string,
    readonly limit: number,
    readonly before_seq: number | undefined,
  ) {
    super();
  }
}
