import { Injectable } from '@nestjs/common';
import { buffer } from 'node:stream/consumers';
import {
  assertManifestDigest,
  assertManifestOf,
  parsedManifest,
  sha256Hex,
  unpackedBatch,
  type ArchiveKeyRing,
  type ParsedManifest,
} from '#libs/archive';
import { hasCode } from '#libs/kernel';
import type { ObjectStore, StoredObject } from '#libs/object-store';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ColdStores } from '../cold/cold-stores.js';
import { putOnce } from '../cold/put-once.js';
import { smallBytes } from '../cold/small-bytes.js';

/** What one object is, and how it is to be kept. */
export interface NewObject {
  key: string;
  bytes: Uint8Array;
  sha256: string;
  contentType: string;
  archivedAt: Date;
  legalHold: boolean;
}

/** What a batch's record has to say for its objects to be checked. */
export type CheckedBatch = Pick<
  ArchiveBatch,
  | 'tenant'
  | 'startSeq'
  | 'endSeq'
  | 'jsonlKey'
  | 'manifestKey'
  | 'manifestSha256'
  | 'sha256'
  | 'storedSha256'
  | 'bytesStored'
  | 'versionIds'
>;

/** A manifest is some kilobytes; nothing of this size is read as one. */
const MOST_BYTES = 1024 * 1024;

/** The two objects of a batch in the cold store. Rejects with OBJECT_STORE codes where the store does not take or give. */
@Injectable()
export class ArchiveObjects {
  constructor(private readonly cold: ColdStores) {}

  /** The object at a key; undefined where there is none that this program put. */
  async find(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    const store = await this.cold.primary();
    return store.head(key, { signal }).catch((error: unknown) => {
      if (hasCode(error, 'OBJECT_STORE.NOT_FOUND') || hasCode(error, 'OBJECT_STORE.CORRUPT')) return undefined;
      throw error;
    });
  }

  /**
   * Puts one object if none is there; an equal one that is there is success, and gets the hold and the lock that are asked
   * for. Resolves with what the store has then: its version, its lock. Rejects with AUDIT.ARCHIVE_OCCUPIED when another
   * object is there.
   */
  async put(object: NewObject, signal: AbortSignal): Promise<StoredObject> {
    const { key, contentType, archivedAt, legalHold } = object;
    const store = await this.cold.primary();
    const held = legalHold && store.retention ? { legalHold } : {};
    const options = { contentType, signal, ...held, ...this.cold.putOptions(archivedAt) };
    const put = await putOnce(store, object, options, occupied);
    return put.found ? this.kept(put.object, object, signal) : store.head(key, { version: put.object.version, signal });
  }

  /**
   * One that is there gets the hold and the lock it would be put with now: neither may be as when it was put. Resolves with
   * what the store has then; where the store knows neither, it stays as it is.
   */
  async kept(
    object: StoredObject,
    { archivedAt, legalHold }: Pick<NewObject, 'archivedAt' | 'legalHold'>,
    signal: AbortSignal,
  ): Promise<StoredObject> {
    const store = await this.cold.primary();
    if (!store.retention) return object;
    const { key, version } = object;
    const { retainUntil, lockMode } = this.cold.putOptions(archivedAt);
    if (object.legalHold !== legalHold) await store.hold(key, legalHold, { version, signal });
    if (retainUntil && retainUntil > (object.retainUntil ?? 0)) {
      await store.retain(key, retainUntil, { version, lockMode, signal });
    }
    return store.head(key, { version, signal });
  }

  /** The manifest at a key, nothing of it verified; undefined where none lies. */
  async manifest(key: string, signal: AbortSignal): Promise<ParsedManifest | undefined> {
    const text = await smallBytes(await this.cold.primary(), key, MOST_BYTES, { signal });
    try {
      return text && parsedManifest(text);
    } catch (error) {
      if (hasCode(error, 'ARCHIVE.MANIFEST_FORM')) return undefined;
      throw error;
    }
  }

  /**
   * Asks for both objects and reads them back, by their versions, from the store itself and not from its copy: down to
   * the lines. Rejects with AUDIT.ARCHIVE_UNPROVEN when anything is not as it was put.
   */
  async check(batch: CheckedBatch, ring: ArchiveKeyRing | undefined, signal: AbortSignal): Promise<void> {
    const store = await this.cold.primary();
    const { jsonlKey, manifestKey, versionIds, manifestSha256, storedSha256 } = batch;
    const text = await this.readBack(
      store,
      { key: manifestKey, version: versionIds.manifest, sha256: manifestSha256 },
      signal,
    );
    const stored = await this.readBack(
      store,
      { key: jsonlKey, version: versionIds.jsonl, sha256: storedSha256 },
      signal,
    );
    await this.proven(jsonlKey, async () => {
      const parsed = parsedManifest(text);
      assertManifestDigest(parsed, manifestSha256);
      assertManifestOf(parsed, batch);
      const { jsonl } = parsed.manifest;
      if (jsonl.key !== jsonlKey || jsonl.versionId !== versionIds.jsonl || jsonl.sha256 !== batch.sha256) {
        throw unproven(manifestKey, 'it is of other lines than the record');
      }
      await unpackedBatch(stored, jsonl, ring);
    });
  }

  private async readBack(
    store: ObjectStore,
    { key, version, sha256 }: { key: string; version: string | undefined; sha256: string },
    signal: AbortSignal,
  ): Promise<Buffer> {
    return this.proven(key, async () => {
      const head = await store.head(key, { version, signal });
      if (head.sha256 !== sha256) throw unproven(key, `expected SHA-256 ${sha256}, found ${head.sha256}`);
      const { body } = await store.get(key, { version, signal });
      const bytes = await buffer(body);
      const found = sha256Hex(bytes);
      if (found !== sha256) throw unproven(key, `expected SHA-256 ${sha256}, read ${found}`);
      return bytes;
    });
  }

  private async proven<T>(key: string, reading: () => Promise<T>): Promise<T> {
    try {
      return await reading();
    } catch (cause) {
      const code = hasCode<string>(cause) ? cause.code : '';
      const bad = code.startsWith('ARCHIVE.') || ['OBJECT_STORE.NOT_FOUND', 'OBJECT_STORE.CORRUPT'].includes(code);
      throw bad ? unproven(key, code, cause) : cause;
    }
  }
}

const occupied = (message: string, cause: unknown): AuditError =>
  new AuditError('AUDIT.ARCHIVE_OCCUPIED', message, { cause });

const unproven = (key: string, why: string, cause?: unknown): AuditError =>
  new AuditError('AUDIT.ARCHIVE_UNPROVEN', `${key} does not read back as it was put: ${why}`, { cause });
