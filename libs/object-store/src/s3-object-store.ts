import type { HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';

import { checkedBody } from './checked-body.js';
import { MeasuredBody, throwIfAborted } from './measured-body.js';
import { assertKeyPrefix, assertObjectKey, objectKeyFault } from './object-key.js';
import { alreadyThere, ObjectStoreError } from './object-store.errors.js';
import type {
  CallOptions,
  GetOptions,
  ListedObject,
  ListOptions,
  ObjectStore,
  ObjectVersion,
  PutOptions,
  StoredObject,
} from './object-store.types.js';
import { assertNotShortened, assertUnlocked, lockOf, wholeSecond } from './retention.js';
import type { Lock } from './retention.js';
import { isPreconditionFailed, s3Error } from './s3-errors.js';
import { hasObjectLock, LOCK_MODES, lockIn, lockInput, lockOfVersion } from './s3-locks.js';
import { partBytesFor, upload } from './s3-upload.js';
import { versionsOf } from './s3-versions.js';
import type { S3Sdk } from './s3-upload.js';

/**
 * Where the SHA-256 of an object is noted that was sent in parts: its metadata had to be named before its last byte
 * was read. The object names the note (`sha256-note`), the note is there before the object is visible. The note of an
 * object that was overwritten in a bucket without versions stays behind.
 */
const NOTES = '.sha256/';

export interface S3Place {
  sdk: S3Sdk;
  client: S3Client;
  bucket: string;
  /** '' or ending in a slash. */
  prefix: string;
}

/** Objects in an S3 bucket below a prefix. */
export class S3ObjectStore implements ObjectStore {
  private constructor(
    private readonly place: S3Place,
    readonly retention: boolean,
  ) {}

  /** Rejects when the bucket cannot be reached. */
  static async open(place: S3Place): Promise<S3ObjectStore> {
    const { sdk, client, bucket: Bucket } = place;
    try {
      await client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: place.prefix, MaxKeys: 1 }));
      return new S3ObjectStore(place, await hasObjectLock(place));
    } catch (error) {
      client.destroy();
      throw s3Error(error, 'the bucket', undefined);
    }
  }

  async put(key: string, body: Readable | Uint8Array, options: PutOptions = {}): Promise<StoredObject> {
    const content = new MeasuredBody(body, options);
    try {
      assertObjectKey(key);
      const lock = lockOf(options);
      if (lock) this.#assertRetention();
      throwIfAborted(options.signal);
      await this.#assertMayWrite(key, options);
      const version = await this.#upload(key, content, lock, options);
      const { bytes, sha256 } = content;
      const described = {
        ...(options.contentType && { contentType: options.contentType }),
        ...(version && { version }),
      };
      return { key, bytes, sha256, storedAt: new Date(), legalHold: false, ...described, ...lock };
    } catch (error) {
      if (isPreconditionFailed(error)) throw alreadyThere(key, await this.#find(key), error);
      throw s3Error(error, key, options.signal);
    } finally {
      content.discard();
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<StoredObject & { body: Readable }> {
    return this.#asked(key, options, async (address, abortSignal) => {
      const output = await this.place.client.send(new this.place.sdk.GetObjectCommand(address), { abortSignal });
      const body = output.Body as Readable;
      try {
        const object = await this.#described(key, output);
        return { ...object, body: checkedBody(body, object, abortSignal, (cause) => s3Error(cause, key, abortSignal)) };
      } catch (error) {
        body.destroy();
        throw error;
      }
    });
  }

  async head(key: string, options: GetOptions = {}): Promise<StoredObject> {
    return this.#asked(key, options, async (address, abortSignal) => {
      const found = await this.#headers(address, abortSignal);
      return { ...(await this.#described(key, found)), ...(await this.#lockOf(address, found, abortSignal)) };
    });
  }

  async versions(key: string, options: CallOptions = {}): Promise<ObjectVersion[]> {
    return this.#asked(key, options, (address, abortSignal) => versionsOf(this.place, address, abortSignal));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListedObject> {
    assertKeyPrefix(prefix);
    const { sdk, client, bucket: Bucket, prefix: own } = this.place;
    const range = { Bucket, Prefix: own + prefix, ...(options.after && { StartAfter: own + options.after }) };
    let left = options.limit ?? Infinity;
    let ContinuationToken: string | undefined;
    do {
      const command = new sdk.ListObjectsV2Command({ ...range, ...(ContinuationToken && { ContinuationToken }) });
      const page = await client.send(command, { abortSignal: options.signal }).catch((error: unknown) => {
        throw s3Error(error, `${prefix}…`, options.signal);
      });
      for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        const key = Key.slice(own.length);
        if (objectKeyFault(key) !== undefined) continue; // our notes, or another program's objects
        if (left-- <= 0) return;
        yield { key, bytes: Size, storedAt: LastModified };
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined && left > 0);
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#asked(key, options, async (address, abortSignal) => {
      // A bucket with Object Lock keeps versions: a plain delete would only hide the object behind a marker.
      if (this.retention) return this.#deleteVersions(address, key, abortSignal);
      const found = await this.#exists(address, abortSignal);
      if (found?.VersionId) return this.#deleteVersions(address, key, abortSignal);
      if (!found) return;
      await this.#remove(address, found, abortSignal);
      // If the process dies here, the note stays: a few bytes that name nothing.
      await this.#deleteNote(found, abortSignal);
    });
  }

  async retain(key: string, until: Date, options: GetOptions & Pick<PutOptions, 'lockMode'> = {}): Promise<void> {
    await this.#asked(key, options, async (address, abortSignal) => {
      const RetainUntilDate = wholeSecond(until);
      const found = await this.#headers(address, abortSignal);
      this.#assertRetention();
      const lock = await this.#lockOf(address, found, abortSignal);
      assertNotShortened(key, lock, RetainUntilDate);
      const Retention = { Mode: LOCK_MODES[lock.lockMode ?? options.lockMode ?? 'compliance'], RetainUntilDate };
      const version = found.VersionId && { VersionId: found.VersionId };
      const command = new this.place.sdk.PutObjectRetentionCommand({ ...address, ...version, Retention });
      await this.place.client.send(command, { abortSignal });
    });
  }

  async hold(key: string, held: boolean, options: GetOptions = {}): Promise<void> {
    await this.#asked(key, options, async (address, abortSignal) => {
      const found = await this.#headers(address, abortSignal);
      this.#assertRetention();
      const LegalHold = { Status: held ? 'ON' : 'OFF' } as const;
      const version = found.VersionId && { VersionId: found.VersionId };
      const command = new this.place.sdk.PutObjectLegalHoldCommand({ ...address, ...version, LegalHold });
      await this.place.client.send(command, { abortSignal });
    });
  }

  close(): void {
    this.place.client.destroy();
  }

  async #upload(key: string, content: MeasuredBody, lock: Lock | undefined, options: PutOptions) {
    const note = `${NOTES}${randomUUID()}`;
    const partBytes = partBytesFor(options.bytes);
    const input = {
      ...this.#address(key),
      ...(options.contentType && { ContentType: options.contentType }),
      ...lockInput(lock),
      ...(options.encryption && { ServerSideEncryption: options.encryption }),
    };
    const known: Record<string, string> = options.expectedSha256
      ? { sha256: options.expectedSha256 }
      : { 'sha256-note': note };
    return upload(content, partBytes, {
      ...this.place,
      input: { ...input, Metadata: known },
      ifAbsent: options.ifAbsent ?? false,
      signal: options.signal,
      beforeVisible: async () => {
        content.assertAsAnnounced(key);
        if (content.bytes <= partBytes || options.expectedSha256) return;
        await this.#putNote(note, content.sha256, lock, options.signal);
        // If the process dies here, the note names nothing and harms nothing.
      },
    });
  }

  async #putNote(note: string, sha256: string, lock: Lock | undefined, abortSignal: AbortSignal | undefined) {
    // Retained like the object, but never held: holds are ended on the object alone.
    const retention = lockInput(lock && { ...lock, legalHold: false });
    const input = { ...this.#address(note), ...retention, Body: sha256, ChecksumAlgorithm: 'SHA256' } as const;
    await this.place.client.send(new this.place.sdk.PutObjectCommand(input), { abortSignal });
  }

  /**
   * Looks at every version before it removes the first, and removes the oldest first: while it is at it, the object is
   * the newest version still, or hidden behind its marker still.
   */
  async #deleteVersions(address: Address, key: string, abortSignal: AbortSignal | undefined): Promise<void> {
    const versions = await versionsOf(this.place, address, abortSignal);
    const found: HeadObjectCommandOutput[] = [];
    for (const { version, deleteMarker } of versions) {
      const named = { ...address, VersionId: version };
      const head = deleteMarker ? { VersionId: version, $metadata: {} } : await this.#exists(named, abortSignal);
      if (!head) continue;
      if (!deleteMarker) assertUnlocked(key, await this.#lockOf(named, head, abortSignal));
      found.unshift({ ...head, VersionId: version });
    }
    for (const version of found) {
      await this.#remove(address, version, abortSignal);
      // If the process dies here, the note stays: a few bytes that name nothing.
      await this.#deleteNote(version, abortSignal);
    }
  }

  async #deleteNote(found: HeadObjectCommandOutput, abortSignal: AbortSignal | undefined): Promise<void> {
    const note = found.Metadata?.['sha256-note'];
    if (note === undefined || found.Metadata?.['sha256'] !== undefined) return;
    const address = this.#address(note);
    const head = await this.#exists(address, abortSignal);
    if (!head) return;
    await this.#remove(address, head, abortSignal);
  }

  /** The version that was found; gone already is success, for the answer to an earlier request may have been lost. */
  async #remove(address: Address, { VersionId }: HeadObjectCommandOutput, abortSignal: AbortSignal | undefined) {
    const command = new this.place.sdk.DeleteObjectCommand({ ...address, ...(VersionId && { VersionId }) });
    await this.place.client.send(command, { abortSignal }).catch((error: unknown) => {
      if (s3Error(error, address.Key, abortSignal).code !== 'OBJECT_STORE.NOT_FOUND') throw error;
    });
  }

  /** A bucket without a lock needs no question first: the put itself is conditional, or replaces what is there. */
  async #assertMayWrite(key: string, options: PutOptions): Promise<void> {
    if (!this.retention && !options.ifAbsent) return;
    const existing = await this.#find(key);
    if (existing === undefined) return;
    if (options.ifAbsent) throw alreadyThere(key, existing);
    assertUnlocked(key, existing); // a lock set after this: the put makes a new version, and the locked one stays
  }

  async #find(key: string): Promise<StoredObject | undefined> {
    return this.head(key).catch((error: unknown) => {
      if (error instanceof ObjectStoreError && error.code === 'OBJECT_STORE.NOT_FOUND') return undefined;
      throw error;
    });
  }

  async #headers(address: Address, abortSignal: AbortSignal | undefined): Promise<HeadObjectCommandOutput> {
    return this.place.client.send(new this.place.sdk.HeadObjectCommand(address), { abortSignal });
  }

  async #exists(address: Address, abortSignal: AbortSignal | undefined): Promise<HeadObjectCommandOutput | undefined> {
    return this.#headers(address, abortSignal).catch((error: unknown) => {
      if (s3Error(error, address.Key, abortSignal).code === 'OBJECT_STORE.NOT_FOUND') return undefined;
      throw error;
    });
  }

  async #lockOf(address: Address, found: HeadObjectCommandOutput, abortSignal: AbortSignal | undefined): Promise<Lock> {
    const lock = lockIn(found);
    const told = lock.legalHold || lock.retainUntil !== undefined || address.VersionId === undefined;
    return told || !this.retention ? lock : lockOfVersion(this.place, address, abortSignal);
  }

  async #described(key: string, found: HeadObjectCommandOutput): Promise<StoredObject> {
    return {
      key,
      bytes: found.ContentLength ?? 0,
      sha256: await this.#sha256(key, found),
      storedAt: found.LastModified ?? new Date(0),
      ...(found.ContentType && { contentType: found.ContentType }),
      ...(found.VersionId && { version: found.VersionId }),
      ...(found.ServerSideEncryption && { encryption: found.ServerSideEncryption }),
      ...lockIn(found),
    };
  }

  async #sha256(key: string, found: HeadObjectCommandOutput): Promise<string> {
    const { sha256, 'sha256-note': note } = found.Metadata ?? {};
    const noted = sha256 ?? (note && (await this.#readNote(note)));
    if (noted && /^[0-9a-f]{64}$/.test(noted)) return noted;
    throw new ObjectStoreError('OBJECT_STORE.CORRUPT', `${key} has no SHA-256 noted with it`);
  }

  async #readNote(note: string): Promise<string | undefined> {
    const { client, sdk } = this.place;
    const { Body } = await client.send(new sdk.GetObjectCommand(this.#address(note)));
    return Body?.transformToString();
  }

  #assertRetention(): void {
    if (this.retention) return;
    const message = 'expected a bucket with Object Lock, found one without';
    throw new ObjectStoreError('OBJECT_STORE.RETENTION_UNSUPPORTED', message);
  }

  #address(key: string): Address {
    return { Bucket: this.place.bucket, Key: this.place.prefix + key };
  }

  async #asked<Answer>(
    key: string,
    { signal, version }: GetOptions,
    ask: (address: Address, abortSignal: AbortSignal | undefined) => Promise<Answer>,
  ): Promise<Answer> {
    assertObjectKey(key);
    throwIfAborted(signal);
    try {
      return await ask({ ...this.#address(key), ...(version !== undefined && { VersionId: version }) }, signal);
    } catch (error) {
      throw s3Error(error, key, signal);
    }
  }
}

interface Address {
  Bucket: string;
  Key: string;
  VersionId?: string | undefined;
}
