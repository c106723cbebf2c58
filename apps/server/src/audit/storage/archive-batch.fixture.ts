import { randomBytes } from 'node:crypto';
import { uuidv7 } from '#libs/kernel';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';

const DAY_MS = 86_400_000;
const hash = (): string => randomBytes(32).toString('hex');

/** The record of the `n`-th batch of 256 events, each batch a day after the one before. */
export function sampleBatch(tenant: string, n: number, over: Partial<ArchiveBatch> = {}): ArchiveBatch {
  const [start, day] = [n * 256, Date.parse('2026-01-01T00:00:00.000Z') + n * DAY_MS];
  return {
    _id: uuidv7(day + 100 * DAY_MS),
    tenant,
    archivedAt: new Date(day + 100 * DAY_MS),
    startSeq: start,
    endSeq: start + 255,
    eventCount: 256,
    manifestSha256: hash(),
    jsonlKey: `tenants/${tenant}/ledger/archive/${start}.jsonl.gz`,
    manifestKey: `tenants/${tenant}/ledger/archive/${start}.manifest.json`,
    sha256: hash(),
    storedSha256: hash(),
    bytesUncompressed: 100_000,
    bytesStored: 10_000,
    versionIds: {},
    minEventId: uuidv7(day),
    maxEventId: uuidv7(day + DAY_MS - 1),
    minTs: new Date(day).toISOString(),
    maxTs: new Date(day + DAY_MS - 1).toISOString(),
    previousChainHash: hash(),
    endChainHash: hash(),
    previousManifestSha256: n === 0 ? null : hash(),
    checkpointSize: start + 256,
    retention: { mode: null, until: null },
    encryption: null,
    state: 'done',
    ...over,
  };
}
