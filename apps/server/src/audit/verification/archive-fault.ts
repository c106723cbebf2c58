import type { ArchiveErrorCode } from '#libs/archive';
import type { ArchiveFault } from '#libs/ledger';
import type { ObjectStoreErrorCode } from '#libs/object-store';

/** What verification names beside what reading refuses; docs/design/archive-verification.md has all of them. */
export type ArchiveFaultCode =
  | ArchiveErrorCode
  | ObjectStoreErrorCode
  /** The record differs from the signed manifest. */
  | 'ARCHIVE.RECORD_CHANGED'
  /** No record names the batch of these entries. */
  | 'ARCHIVE.RECORD_MISSING'
  | 'ARCHIVE.MANIFEST_MISSING'
  /** A manifest is not linked to the one before. */
  | 'ARCHIVE.MANIFEST_LINK'
  | 'ARCHIVE.OBJECT_MISSING'
  /** It lies at another key. */
  | 'ARCHIVE.OBJECT_MOVED'
  /** Another batch's object lies in its place. */
  | 'ARCHIVE.OBJECT_SWAPPED'
  /** The record says that it has retired, and no tombstone does. */
  | 'ARCHIVE.TOMBSTONE_MISSING'
  | 'ARCHIVE.NOT_COPIED'
  /** The batch has another entry than hot storage and the leaf tiles. */
  | 'ARCHIVE.ENTRY_DIFFERS'
  /** What the store answered with has no code. */
  | 'ARCHIVE.STORE_FAILED';

export type BatchFault = Omit<ArchiveFault, 'from' | 'to' | 'batch'> & { code: ArchiveFaultCode };

/** What a refusal of `#libs/archive` to read lines says of the batch. Without the right key nothing is said of it. */
export function linesFault(code: ArchiveErrorCode, message: string): BatchFault {
  if (code === 'ARCHIVE.KEY_MISSING' || code === 'ARCHIVE.DECRYPT') {
    const reason = `the stored bytes are those of the manifest, and cannot be decrypted: ${message}`;
    return { class: 'cannot_read', code, reason };
  }
  return { class: 'archive_altered', code, reason: message };
}

/** What the failure to get an object says of it. */
export function storeFault(part: 'jsonl' | 'manifest', key: string, code: string | undefined): BatchFault {
  const known = (code ?? 'ARCHIVE.STORE_FAILED') as ArchiveFaultCode;
  if (known === 'OBJECT_STORE.NOT_FOUND') {
    const missing = part === 'jsonl' ? 'ARCHIVE.OBJECT_MISSING' : 'ARCHIVE.MANIFEST_MISSING';
    return { class: 'archive_missing', code: missing, field: part, reason: `there is no object at ${key}` };
  }
  if (known === 'OBJECT_STORE.CORRUPT') {
    const kind = part === 'jsonl' ? 'archive_altered' : 'manifest_changed';
    return { class: kind, code: known, field: part, reason: `the store does not have what was put at ${key}` };
  }
  return { class: 'cannot_read', code: known, field: part, reason: `the object at ${key} could not be read` };
}
