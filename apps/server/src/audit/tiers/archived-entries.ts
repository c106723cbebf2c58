import { Inject, Injectable } from '@nestjs/common';
import {
  ArchiveError,
  archivedEntries,
  assertManifestDigest,
  assertManifestOf,
  parsedManifest,
  unpackedBatch,
} from '#libs/archive';
import { hasCode, isUuidv7 } from '#libs/kernel';
import type { StoredEntry } from '#libs/ledger';
import type { ObjectStoreErrorCode } from '#libs/object-store';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { Gap } from '../domain/gaps.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { BatchCache } from './batch-cache.js';
import { ColdStores } from '../cold/cold-stores.js';
import { OpenBatch, type ArchivedEntry, type WindowOfBatch } from './open-batch.js';

/** Two of the largest batches and some. */
const CACHE = { bytes: 96 * 1024 * 1024, loads: 2 };

/**
 * Entries out of archived batches. A batch is read whole: the manifest against the digest of its record, the stored and
 * the uncompressed bytes against the manifest, the chain from its beginning to its end; what was checked is kept for a
 * while, up to so many bytes. Batches whose retention is over hold nothing.
 *
 * Rejects with AUDIT.ARCHIVE_MISSING, AUDIT.ARCHIVE_ALTERED and AUDIT.ARCHIVE_KEY_MISSING, and with OBJECT_STORE. codes
 * when neither the cold store nor its copy answers.
 */
@Injectable()
export class ArchivedEntries {
  private readonly cache = new BatchCache<OpenBatch>(CACHE);

  constructor(
    private readonly batches: ArchiveBatches,
    @Inject(ColdStores) private readonly cold: Pick<ColdStores, 'read'>,
    @Inject(AuditKeys) private readonly keys: Pick<AuditKeys, 'archiveRing'>,
  ) {}

  /** The first of those in the gap, in order, without those that are in no batch. */
  async between(tenant: string, { from, to, limit }: Gap): Promise<ArchivedEntry[]> {
    const found: ArchivedEntry[] = [];
    for await (const batch of this.batches.between(tenant, from, to - 1)) {
      if (found.length >= limit) break;
      if (batch.state === 'retired') continue;
      const first = Math.max(from, batch.startSeq);
      found.push(...(await this.open(batch)).between(first, Math.min(to, first + limit - found.length)));
    }
    return found;
  }

  /** The event of this id. */
  async find(tenant: string, id: string): Promise<ArchivedEntry | undefined> {
    if (!isUuidv7(id)) return undefined;
    for (const batch of await this.batches.byEventId(tenant, id)) {
      const found = batch.state === 'retired' ? undefined : (await this.open(batch)).find(id);
      if (found) return found;
    }
    return undefined;
  }

  /** Those of one batch in a window, newest first. */
  async page(batch: ArchiveBatch, window: WindowOfBatch): Promise<ArchivedEntry[]> {
    return (await this.open(batch)).page(window);
  }

  /** All of one batch as hot storage had them, in order, so many at a time. */
  async *documents(batch: ArchiveBatch, atOnce: number): AsyncGenerator<StoredEntry[], void> {
    const open = await this.open(batch);
    for (let from = batch.startSeq; from <= batch.endSeq; from += atOnce) {
      yield documentsOf(batch, open, from, Math.min(from + atOnce, batch.endSeq + 1));
    }
  }

  private open(batch: ArchiveBatch): Promise<OpenBatch> {
    return this.cache.get(`${batch._id} ${batch.manifestSha256}`, () =>
      this.read(batch).catch((error: unknown) => {
        throw unreadable(batch, error);
      }),
    );
  }

  private async read(batch: ArchiveBatch): Promise<OpenBatch> {
    const parsed = parsedManifest((await this.cold.read(batch, 'manifest')).bytes);
    assertManifestDigest(parsed, batch.manifestSha256);
    assertManifestOf(parsed, batch);
    const { bytes } = await this.cold.read(batch, 'jsonl');
    const { jsonl } = parsed.manifest;
    const ring = jsonl.encryption && (await this.keys.archiveRing());
    return OpenBatch.of(parsed.manifest, await unpackedBatch(bytes, jsonl, ring));
  }
}

function documentsOf(batch: ArchiveBatch, open: OpenBatch, from: number, to: number): StoredEntry[] {
  const place = { tenant: batch.tenant, startSeq: from, previousChainHash: open.chainBefore(from) };
  try {
    return Array.from(archivedEntries(open.linesBetween(from, to), place), ({ entry }) => entry);
  } catch (error) {
    throw unreadable(batch, error);
  }
}

/** Which entries cannot be had, and why; what the cold store says by itself stays as it is. */
function unreadable({ tenant, startSeq, endSeq }: ArchiveBatch, cause: unknown): unknown {
  const batch = `the batch of entries ${startSeq} to ${endSeq} of ${tenant}`;
  if (hasCode<ObjectStoreErrorCode>(cause, 'OBJECT_STORE.NOT_FOUND')) {
    return new AuditError('AUDIT.ARCHIVE_MISSING', `${batch} is not in the cold store`, { cause });
  }
  if (hasCode<ObjectStoreErrorCode>(cause, 'OBJECT_STORE.CORRUPT')) {
    return new AuditError('AUDIT.ARCHIVE_ALTERED', `${batch} is not what was archived`, { cause });
  }
  if (!(cause instanceof ArchiveError)) return cause;
  if (cause.code === 'ARCHIVE.KEY_MISSING') {
    return new AuditError('AUDIT.ARCHIVE_KEY_MISSING', `${batch}: ${cause.message}`, { cause });
  }
  return new AuditError(
    'AUDIT.ARCHIVE_ALTERED',
    `${batch} is not what was archived: ${cause.message} (${cause.code})`,
    {
      cause,
    },
  );
}
