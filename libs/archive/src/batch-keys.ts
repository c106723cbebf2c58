import { TENANT_PATTERN } from '#libs/ledger';
import { ArchiveError } from './archive.errors.js';
import type { BatchRange } from './archive.types.js';

const KEY =
  /^tenants\/([^/]+)\/ledger\/archive\/\d{4}\/\d{2}\/\d{2}\/(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})-[0-9a-f]{16}\.jsonl\.gz$/;

/**
 * Where a batch and its manifest lie: `tenants/<t>/ledger/archive/yyyy/mm/dd/<startSeq>-<endSeq>-<first 16 hex digits of
 * the SHA-256 of the uncompressed lines>` with `.jsonl.gz` and `.manifest.json` (docs/design/archive.md §1), the day in UTC.
 */
export function batchKeys({
  tenant,
  startSeq,
  endSeq,
  archivedAt,
  sha256,
}: BatchRange & { archivedAt: Date | string; sha256: string }): { jsonlKey: string; manifestKey: string } {
  const day = new Date(archivedAt).toISOString().slice(0, 10).replaceAll('-', '/');
  const stem = `tenants/${tenant}/ledger/archive/${day}/${startSeq}-${endSeq}-${sha256.slice(0, 16)}`;
  return { jsonlKey: `${stem}.jsonl.gz`, manifestKey: `${stem}.manifest.json` };
}

/** Whose lines lie at this key. Throws MANIFEST_FORM for a key that is none of a batch. */
export function rangeOfKey(jsonlKey: string): BatchRange {
  const [, tenant = '', startSeq, endSeq] = KEY.exec(jsonlKey) ?? [];
  if (!TENANT_PATTERN.test(tenant)) {
    throw new ArchiveError('ARCHIVE.MANIFEST_FORM', 'expected the key of a batch of lines in jsonl.key');
  }
  return { tenant, startSeq: Number(startSeq), endSeq: Number(endSeq) };
}
