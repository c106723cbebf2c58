import { sampleBatch } from '../storage/archive-batch.fixture.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { malformedField } from './record-form.js';

const fieldOf = (change: Partial<Record<keyof ArchiveBatch, unknown>>): string | undefined =>
  malformedField({ ...sampleBatch('acme', 1), ...change } as ArchiveBatch);

describe('the form of a batch record', () => {
  it('is that of one of ours, up to the largest batch there can be', () => {
    expect(fieldOf({})).toBeUndefined();
    const largest = { eventCount: 65_536, bytesUncompressed: 33_554_432, bytesStored: 33_619_968 };
    expect(fieldOf(largest)).toBeUndefined();
  });

  it.each<[keyof ArchiveBatch, unknown]>([
    ['eventCount', 65_537],
    ['bytesUncompressed', 33_554_433],
    ['bytesUncompressed', Number.MAX_SAFE_INTEGER],
    ['bytesStored', 33_619_969],
    ['bytesStored', -1],
    ['checkpointSize', 0.5],
    ['endSeq', 255],
    ['storedSha256', 'A'.repeat(64)],
    ['jsonlKey', ''],
    ['versionIds', null],
  ])('has no %s of %p', (field, value) => {
    expect(fieldOf({ [field]: value })).toBe(field);
  });
});
