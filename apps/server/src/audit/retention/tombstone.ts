import { assertManifestDigest, assertManifestOf, parsedManifest, sha256Hex, type ArchiveManifest } from '#libs/archive';
import { hasCode } from '#libs/kernel';
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

/** `text`: the manifest as it was stored. */
export function tombstoneOf(
  manifest: ArchiveManifest,
  { batch, origin, text, days, now }: { batch: string; origin: string; text: string; days: number; now: Date },
): Tombstone {
  const { tenant, startSeq, endSeq, eventCount, minTs, maxTs, jsonl, archivedAt } = manifest;
  const { sha256, storedSha256 } = jsonl;
  return {
    ...{ version: 1, tenant, origin, batch },
    ...{ startSeq, endSeq, eventCount, minTs, maxTs, sha256, storedSha256 },
    ...{ manifestSha256: sha256Hex(text), manifest: text },
    ...{ reason: 'retention', retentionDays: days, archivedAt, retiredAt: now.toISOString() },
  };
}

/** Whether a verified statement is the tombstone of this batch, and the manifest in it the batch's own. */
export function isTombstoneOf(
  said: Record<string, unknown>,
  batch: Pick<ArchiveBatch, '_id' | 'tenant' | 'startSeq' | 'endSeq' | 'sha256' | 'manifestSha256'>,
): boolean {
  const { batch: of, manifest, ...rest } = said;
  return (
    of === batch._id &&
    (['startSeq', 'endSeq', 'sha256', 'manifestSha256'] as const).every((name) => rest[name] === batch[name]) &&
    typeof manifest === 'string' &&
    isManifestOf(manifest, batch)
  );
}

function isManifestOf(text: string, batch: Parameters<typeof isTombstoneOf>[1]): boolean {
  try {
    const parsed = parsedManifest(text);
    assertManifestDigest(parsed, batch.manifestSha256);
    assertManifestOf(parsed, batch);
    return parsed.manifest.jsonl.sha256 === batch.sha256;
  } catch (error) {
    if (hasCode<string>(error) && error.code.startsWith('ARCHIVE.')) return false;
    throw error;
  }
}
