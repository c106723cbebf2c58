import { CodedError } from '#libs/kernel';

import type { StoredObject } from './object-store.types.js';

export type ObjectStoreErrorCode =
  | 'OBJECT_STORE.URL_INVALID'
  | 'OBJECT_STORE.KEY_INVALID'
  | 'OBJECT_STORE.NOT_FOUND'
  | 'OBJECT_STORE.EXISTS'
  /** The object is retained or held: it is neither deleted nor overwritten, and its retention is not shortened. */
  | 'OBJECT_STORE.RETAINED'
  | 'OBJECT_STORE.RETENTION_INVALID'
  | 'OBJECT_STORE.RETENTION_UNSUPPORTED'
  | 'OBJECT_STORE.ENCRYPTION_UNSUPPORTED'
  /** The body had another SHA-256 than the caller said. Nothing was stored. */
  | 'OBJECT_STORE.DIGEST_MISMATCH'
  /** The body had another length than the caller said. Nothing was stored. */
  | 'OBJECT_STORE.SIZE_MISMATCH'
  /** What lies in the store is not what was put there, or was put there by another program. */
  | 'OBJECT_STORE.CORRUPT'
  /** The caller's body failed or ended early; `cause` is its own error. Nothing was stored. */
  | 'OBJECT_STORE.SOURCE_FAILED'
  | 'OBJECT_STORE.ABORTED'
  | 'OBJECT_STORE.TIMEOUT'
  | 'OBJECT_STORE.FULL'
  | 'OBJECT_STORE.DENIED'
  /** The store refused the request for another reason; the same request will be refused again. */
  | 'OBJECT_STORE.REFUSED'
  | 'OBJECT_STORE.BUCKET_NOT_FOUND'
  /** The store could not be asked, or failed; the same request may succeed later. */
  | 'OBJECT_STORE.UNAVAILABLE';

/** Messages name the key and our own findings, never an endpoint, a bucket, a path or a provider's words. */
export class ObjectStoreError extends CodedError<ObjectStoreErrorCode> {
  /** With OBJECT_STORE.EXISTS: what is there, unless it was gone again by the time it was looked at. */
  readonly existing?: StoredObject | undefined;

  constructor(
    code: ObjectStoreErrorCode,
    message: string,
    options: { cause?: unknown; existing?: StoredObject | undefined } = {},
  ) {
    super(code, message, options);
    this.existing = options.existing;
  }
}

export function notFound(key: string, cause?: unknown): ObjectStoreError {
  return new ObjectStoreError('OBJECT_STORE.NOT_FOUND', `no object at ${key}`, { cause });
}

export function alreadyThere(key: string, existing: StoredObject | undefined, cause?: unknown): ObjectStoreError {
  const found = existing && ` (${existing.bytes} bytes, SHA-256 ${existing.sha256})`;
  return new ObjectStoreError('OBJECT_STORE.EXISTS', `expected no object at ${key}, found one${found ?? ''}`, {
    cause,
    existing,
  });
}
