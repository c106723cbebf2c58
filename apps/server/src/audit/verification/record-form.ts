import { MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_STORED_BYTES } from '#libs/archive';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';

const DIGESTS = ['manifestSha256', 'sha256', 'storedSha256', 'previousChainHash', 'endChainHash'];
/** The most that a record may say: where its manifest is not believed, lines are read by what it says. */
const COUNTS: readonly (readonly [field: string, most: number])[] = [
  ['startSeq', Infinity],
  ['endSeq', Infinity],
  ['eventCount', MAX_BATCH_ENTRIES],
  ['bytesUncompressed', MAX_BATCH_BYTES],
  ['bytesStored', MAX_STORED_BYTES],
  ['checkpointSize', Infinity],
];
const TEXTS = ['_id', 'tenant', 'jsonlKey', 'manifestKey'];

/** The first field of a record that could not be one of ours; the store may hold anything. */
export function malformedField(record: ArchiveBatch): string | undefined {
  const value = (field: string): unknown => (record as unknown as Record<string, unknown>)[field];
  const versions = value('versionIds');
  return (
    TEXTS.find((field) => typeof value(field) !== 'string' || value(field) === '') ??
    DIGESTS.find((field) => typeof value(field) !== 'string' || !/^[0-9a-f]{64}$/.test(value(field) as string)) ??
    COUNTS.find(([field, most]) => !isCount(value(field), most))?.[0] ??
    (record.startSeq > record.endSeq ? 'endSeq' : undefined) ??
    (typeof versions !== 'object' || versions === null ? 'versionIds' : undefined)
  );
}

const isCount = (value: unknown, most: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
