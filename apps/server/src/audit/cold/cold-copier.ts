import { Injectable } from '@nestjs/common';
import { sha256Hex } from '#libs/archive';
import { ObjectStoreError, type ObjectStore, type PutOptions, type StoredObject } from '#libs/object-store';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { ColdStores, keyOf, type ColdPart } from './cold-stores.js';
import { putOnce } from './put-once.js';
import { smallBytes } from './small-bytes.js';

const CONTENT_TYPES: Record<ColdPart, string> = { jsonl: 'application/gzip', manifest: 'application/json' };

/** Both batch objects are found by their records; everything else beside them is found by listing. */
const BATCH_OBJECT = /\.(jsonl\.gz|manifest\.json)$/;
/** Larger than every statement. */
const STATEMENT_BYTES = 1024 * 1024;

/**
 * Brings the second store into step with the first. Every method may be called again after it failed or its process
 * died, and by two processes at once: what is there already and equal is success.
 */
@Injectable()
export class ColdCopier {
  constructor(
    private readonly cold: ColdStores,
    private readonly batches: ArchiveBatches,
  ) {}

  /**
   * Copies both objects of a batch, with the digests of its record, the primary's locks and read back, and records it.
   * Rejects with OBJECT_STORE codes, and with AUDIT.COLD_COPY_OCCUPIED when the copy has another object there.
   */
  async copyBatch(batch: ArchiveBatch, signal: AbortSignal): Promise<void> {
    try {
      await this.copied(batch, signal);
    } catch (error) {
      // What cannot be copied since it was retired meanwhile is not to lie half in the copy.
      if ((await this.batches.get(batch.tenant, batch._id))?.state !== 'retired') throw error;
      await this.removeUnrecorded(batch, signal);
    }
  }

  /** Keys of what lies beside the batches of a ledger (receipts of erasures, tombstones) and not in the copy. */
  async *statements(tenant: string, signal: AbortSignal): AsyncGenerator<string> {
    const [primary, copy] = await this.stores();
    const prefix = `tenants/${tenant}/ledger/`;
    const there = copy.list(prefix, { signal })[Symbol.asyncIterator]();
    let next = await there.next();
    for await (const { key } of primary.list(prefix, { signal })) {
      while (!next.done && next.value.key < key) next = await there.next();
      if (!BATCH_OBJECT.test(key) && (next.done || next.value.key !== key)) yield key;
    }
  }

  /** Rejects as `copyBatch`: with OBJECT_STORE.CORRUPT for what no statement can be. */
  async copyStatement(key: string, signal: AbortSignal): Promise<void> {
    const [primary, copy] = await this.stores();
    const bytes = await smallBytes(primary, key, STATEMENT_BYTES, { signal });
    if (!bytes) throw new ObjectStoreError('OBJECT_STORE.CORRUPT', `expected a small object of ours at ${key}`);
    const { contentType, ...lock } = await primary.head(key, { signal });
    await this.put(copy, { key, bytes, sha256: sha256Hex(bytes) }, lock, { contentType, signal });
  }

  private async copied(batch: ArchiveBatch, signal: AbortSignal): Promise<void> {
    const versionIds: ArchiveBatch['versionIds'] = {};
    for (const part of ['jsonl', 'manifest'] as const) {
      const version = await this.copyPart(batch, part, signal);
      if (version !== undefined) versionIds[part] = version;
      // If the process dies here, an object lies in the copy that no record names: the next attempt finds it equal.
    }
    const copied = { ...batch, copy: { copiedAt: new Date(), versionIds } };
    for (const part of ['jsonl', 'manifest'] as const) {
      await this.evenLock(copied, part, signal);
      await this.cold.readChecked('copy', copied, part, { signal });
    }
    // If the process dies here, all of it is done again, but for the puts.
    if (!(await this.batches.setCopy(batch._id, copied.copy))) await this.removeUnrecorded(batch, signal);
  }

  private async copyPart(batch: ArchiveBatch, part: ColdPart, signal: AbortSignal): Promise<string | undefined> {
    const [primary, copy] = await this.stores();
    const { bytes } = await this.cold.readChecked('primary', batch, part, { signal });
    const key = keyOf(batch, part);
    const sha256 = part === 'jsonl' ? batch.storedSha256 : batch.manifestSha256;
    const lock = await primary.head(key, { version: batch.versionIds[part], signal });
    const stored = await this.put(copy, { key, bytes, sha256 }, lock, {
      contentType: CONTENT_TYPES[part],
      signal,
    });
    return stored.version;
  }

  private async put(
    copy: ObjectStore,
    { key, bytes, sha256 }: { key: string; bytes: Uint8Array; sha256: string },
    lock: Pick<StoredObject, 'retainUntil' | 'lockMode' | 'legalHold'>,
    options: Pick<PutOptions, 'contentType' | 'signal'>,
  ): Promise<StoredObject> {
    const retains = copy.retention && lock.retainUntil && lock.retainUntil.getTime() > Date.now();
    const retention = retains ? { retainUntil: lock.retainUntil, lockMode: lock.lockMode } : {};
    const held = copy.retention && lock.legalHold ? { legalHold: true } : {};
    const { encryption } = this.cold.putOptions(new Date(), 'copy');
    const input = { encryption, ...retention, ...held, ...options };
    const { object } = await putOnce(copy, { key, bytes, sha256 }, input, occupied);
    return object;
  }

  /** What was held, or released, or retained while it was put: whoever comes later finds it in the copy, too. */
  private async evenLock(batch: ArchiveBatch, part: ColdPart, signal: AbortSignal): Promise<void> {
    const [primary, copy] = await this.stores();
    if (!copy.retention) return;
    const key = keyOf(batch, part);
    const ours = await primary.head(key, { version: batch.versionIds[part], signal });
    const version = batch.copy?.versionIds[part];
    const theirs = await copy.head(key, { version, signal });
    if (ours.legalHold !== theirs.legalHold) await copy.hold(key, ours.legalHold, { version, signal });
    const { retainUntil = new Date(0), lockMode } = ours;
    if (retainUntil.getTime() <= Math.max(Date.now(), theirs.retainUntil?.getTime() ?? 0)) return;
    await copy.retain(key, retainUntil, { version, lockMode, signal });
  }

  /** It was retired while it was copied, or its record is gone: what lies in the copy is of no batch. */
  private async removeUnrecorded(batch: ArchiveBatch, signal: AbortSignal): Promise<void> {
    const [, copy] = await this.stores();
    for (const key of [batch.jsonlKey, batch.manifestKey]) await copy.delete(key, { signal });
  }

  private async stores(): Promise<[ObjectStore, ObjectStore]> {
    const [primary, copy] = [await this.cold.primary(), await this.cold.copy()];
    if (!copy)
      throw new AuditError('AUDIT.COLD_SETTING_INVALID', 'AUDIT_COLD_COPY_URL: expected a second store, found none');
    return [primary, copy];
  }
}

const occupied = (message: string, cause: unknown): AuditError =>
  new AuditError('AUDIT.COLD_COPY_OCCUPIED', `in the copy: ${message}`, { cause });
