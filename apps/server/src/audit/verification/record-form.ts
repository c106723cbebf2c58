import type { ArchiveBatch } from '../domain/archive-batch.types.js';

const DIGESTS = ['manifestSha256', 'sha256', 'storedSha256', 'previousChainHash', 'endChainHash'];
const COUNTS = ['startSeq', 'endSeq', 'eventCount', 'bytesUncompressed', 'bytesStored', 'checkpointSize'];
const TEXTS = ['_id', 'tenant', 'jsonlKey', 'manifestKey'];

/** The first field of a record that could not be one of ours; the store may hold anything. */
export function malformedField(record: ArchiveBatch): string | undefined {
  const value = (field: string): unknown => (record as unknown as Record<string, unknown>)[field];
  const versions = value('versionIds');
  return (
    TEXTS.find((field) => typeof value(field) !== 'string' || value(field) === '') ??
    DIGESTS.find((field) => typeof value(field) !== 'string' || !/^[0-9a-f]{64}$/.test(value(field) as string)) ??
    COUNTS.find((field) => !Number.isSafeInteger(value(field)) || (value(field) as number) < 0) ??
    (record.startSeq > record.endSeq ? 'endSeq' : undefined) ??
    (typeof versions !== 'object' || versions === null ? 'versionIds' : undefined)
  );
}
