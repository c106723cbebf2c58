import { sha256Hex } from '#libs/archive';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { Statement } from '../cold/statements.js';

export const TOMBSTONE_TYPE = 'application/vnd.assay.tombstone.v1+json';

/** What is signed of a batch before its objects go, and all that is left of it: what it was, and why it went. */
export interface Tombstone extends Statement {
  /** Id of the batch record. */
  batch: string;
  startSeq: number;
  endSeq: number;
  eventCount: number;
  minTs: string;
  maxTs: string;
  /** SHA-256 of the lines and of the stored object, hex. */
  sha256: string;
  storedSha256: string;
  /** Hex; of `manifest`. */
  manifestSha256: string;
  /**
   * The manifest as it was stored and signed: with the chain hashes, the checkpoint over the batch and the digest of the
   * manifest before it, so that neither the chain nor the row of manifests has a gap.
   */
  manifest: string;
  reason: 'retention';
  retentionDays: number;
  archivedAt: string;
  retiredAt: string;
}

/** Beside the manifest. */
export const tombstoneKey = (manifestKey: string): string =>
  manifestKey.replace(/\.manifest\.json$/, '.tombstone.json');

export function tombstoneOf(
  batch: ArchiveBatch,
  { origin, manifest, days, now }: { origin: string; manifest: string; days: number; now: Date },
): Tombstone {
  const { _id, tenant, startSeq, endSeq, eventCount, minTs, maxTs, sha256, storedSha256, manifestSha256 } = batch;
  return {
    ...{ version: 1, tenant, origin, batch: _id },
    ...{ startSeq, endSeq, eventCount, minTs, maxTs, sha256, storedSha256, manifestSha256, manifest },
    ...{ reason: 'retention', retentionDays: days },
    ...{ archivedAt: batch.archivedAt.toISOString(), retiredAt: now.toISOString() },
  };
}

/** Whether a verified statement is the tombstone of this batch. */
export function isTombstoneOf(
  said: Record<string, unknown>,
  batch: Pick<ArchiveBatch, '_id' | 'startSeq' | 'endSeq' | 'sha256' | 'manifestSha256'>,
): boolean {
  const { batch: of, manifest, ...rest } = said;
  return (
    of === batch._id &&
    (['startSeq', 'endSeq', 'sha256', 'manifestSha256'] as const).every((name) => rest[name] === batch[name]) &&
    typeof manifest === 'string' &&
    sha256Hex(manifest) === batch.manifestSha256
  );
}
