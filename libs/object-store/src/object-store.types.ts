import type { Readable } from 'node:stream';

/**
 * Objects by key. Two forms, one contract, held by `object-store.contract.ts`.
 *
 * Every method may be called again after it failed. Every method rejects with an `ObjectStoreError`, and with
 * OBJECT_STORE.KEY_INVALID for a key `objectKeyFault` finds a fault in.
 */
export interface ObjectStore {
  /** Whether objects can be retained and held here: always on the file system, with Object Lock on S3. */
  readonly retention: boolean;

  /**
   * Stores the body under the key; hashed while it passes, never held in memory whole. Durable on return, and no
   * reader ever sees a part of it. If it rejects with EXISTS, RETAINED, SOURCE_FAILED, DIGEST_MISMATCH, SIZE_MISMATCH
   * or ABORTED nothing was stored; after UNAVAILABLE or TIMEOUT the object may be there, whole. The body is read to
   * its end or destroyed.
   *
   * Called twice, the later body replaces the earlier one; with `ifAbsent` the second call rejects with EXISTS and
   * names what is there (`error.existing`), so that a caller who put the same bytes may take it for success. Of two
   * racing `ifAbsent` puts exactly one wins. On S3 what is there may be of this very put: its answer was lost on the
   * way and it was sent again.
   */
  put(key: string, body: Readable | Uint8Array, options?: PutOptions): Promise<StoredObject>;

  /**
   * The object and its bytes. The body fails with CORRUPT, instead of ending, when the bytes are not the ones that
   * were put: they may be trusted only after the end. It must be read to its end or destroyed. Not every S3 tells the
   * lock here: `head` does.
   */
  get(key: string, options?: GetOptions): Promise<StoredObject & { body: Readable }>;

  /** The object without its bytes, or NOT_FOUND. */
  head(key: string, options?: GetOptions): Promise<StoredObject>;

  /**
   * Every version of the object that the store keeps, newest first, with the markers that hide it; none where nothing
   * is. The file system keeps one version, and that without a name.
   */
  versions(key: string, options?: CallOptions): Promise<ObjectVersion[]>;

  /**
   * Objects whose key begins with `prefix` (any beginning, not only whole segments; '' for all), by ascending key.
   * To go on later, pass the last key as `after`. An object put or deleted while the list is read may be missing or
   * still shown; one that was there all the time is shown exactly once, a damaged one too.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListedObject>;

  /**
   * Removes the object, every version of it and every marker over them. Durable on return; done already is success.
   * RETAINED, and nothing removed, if a version is locked.
   */
  delete(key: string, options?: CallOptions): Promise<void>;

  /**
   * Retains the object until then (to the second); RETAINED when it is already retained for longer. The mode counts
   * where it was not retained at all: no mode is changed into the other.
   */
  retain(key: string, until: Date, options?: GetOptions & Pick<PutOptions, 'lockMode'>): Promise<void>;

  /** Puts the object on legal hold, or ends the hold. May be repeated. */
  hold(key: string, held: boolean, options?: GetOptions): Promise<void>;

  close(): void;
}

/**
 * In S3's words. Whoever holds `s3:BypassGovernanceRetention` can lift the first, nobody the second. This program
 * treats both alike, and on the file system only this program is bound.
 */
export type LockMode = 'governance' | 'compliance';

/** Encryption by the store, under its own keys or those of a key service. */
export type StoreEncryption = 'AES256' | 'aws:kms';

export interface StoredObject {
  key: string;
  bytes: number;
  /** SHA-256 of the whole body, lower-case hex. */
  sha256: string;
  storedAt: Date;
  contentType?: string;
  /** The store's name for this version of the object, where it keeps versions. */
  version?: string;
  retainUntil?: Date;
  lockMode?: LockMode;
  legalHold: boolean;
  /** As the store says. */
  encryption?: string;
}

export interface ObjectVersion {
  /** Undefined where the store gives no names. */
  version: string | undefined;
  storedAt: Date;
  newest: boolean;
  /** No bytes, but a marker that hides what is below it. */
  deleteMarker: boolean;
}

export interface ListedObject {
  key: string;
  bytes: number;
  storedAt: Date;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface GetOptions extends CallOptions {
  /** Of a store that keeps versions: this one, as `StoredObject.version` named it, and not the newest. */
  version?: string | undefined;
}

export interface PutOptions extends CallOptions {
  ifAbsent?: boolean;
  contentType?: string | undefined;
  /** The length the body must have. */
  bytes?: number | undefined;
  /** The SHA-256 the body must have, lower-case hex. */
  expectedSha256?: string | undefined;
  /** Refuse deletion and overwriting until then (to the second). */
  retainUntil?: Date | undefined;
  /** Preset: compliance. */
  lockMode?: LockMode | undefined;
  legalHold?: boolean;
  /** ENCRYPTION_UNSUPPORTED on the file system. */
  encryption?: StoreEncryption | undefined;
}

export interface ListOptions extends CallOptions {
  after?: string | undefined;
  limit?: number | undefined;
}
