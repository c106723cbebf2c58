import { CodedError } from '#libs/kernel';

/** One cause, one code (docs/design/archive.md has the table). */
export type ArchiveErrorCode =
  // the manifest
  | 'ARCHIVE.ENVELOPE_FORM'
  | 'ARCHIVE.MANIFEST_FORM'
  /** Another text than the one whose SHA-256 is known. */
  | 'ARCHIVE.MANIFEST_DIGEST'
  /** A whole manifest, but of another batch than the one asked for. */
  | 'ARCHIVE.MANIFEST_OTHER'
  | 'ARCHIVE.MANIFEST_SIGNATURE'
  /** No signature by a known key. */
  | 'ARCHIVE.MANIFEST_KEY_UNKNOWN'
  | 'ARCHIVE.MANIFEST_MAC'
  /** The MAC is by a key that is not in the ring. */
  | 'ARCHIVE.MAC_KEY_UNKNOWN'
  // the stored bytes
  | 'ARCHIVE.STORED_DIGEST'
  | 'ARCHIVE.TRUNCATED'
  | 'ARCHIVE.GZIP'
  /** A second gzip member behind the first. */
  | 'ARCHIVE.GZIP_MEMBERS'
  | 'ARCHIVE.TRAILING_BYTES'
  /** Inflates to more than the manifest says. */
  | 'ARCHIVE.BOMB'
  /** Not what was encrypted under this key for this batch. */
  | 'ARCHIVE.DECRYPT'
  /** Encrypted under a key that is not in the ring. */
  | 'ARCHIVE.KEY_MISSING'
  // the lines
  | 'ARCHIVE.CONTENT_DIGEST'
  | 'ARCHIVE.LINE_FORM'
  | 'ARCHIVE.LINE_TENANT'
  | 'ARCHIVE.LINE_COUNT'
  /** As many whole lines as there should be, and their chain ends elsewhere. */
  | 'ARCHIVE.LINE_ORDER'
  // our own keys
  | 'ARCHIVE.RING_FORM';

/** What a batch, its manifest or a key ring is refused for. Messages carry no content and no key. */
export class ArchiveError extends CodedError<ArchiveErrorCode> {}
