import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { sampleBatch } from '../storage/archive-batch.fixture.js';
import { ArchiveReading, type ArchiveParts } from './archive-reading.js';
import type { OpenedBatch } from './batch-opening.js';

/** What archived-ledger.integration.spec.ts and tests/system/archive-tamper.spec.ts find is not repeated here. */
describe('ArchiveReading', () => {
  const opened = jest.fn((record: ArchiveBatch): Promise<OpenedBatch> => {
    return Promise.resolve({ record, from: record.startSeq, to: record.endSeq, faults: [], retired: false });
  });
  let record: ArchiveBatch | null;
  const readingOf = (): ArchiveReading =>
    new ArchiveReading({
      batches: { covering: () => Promise.resolve(record), async *between() {} },
      opening: { open: opened },
      verifier: { batch: () => undefined },
      view: { tenant: 'acme', signal: new AbortController().signal },
      ...{ end: 1_000, sealed: 1_000, passed: [] },
    } as unknown as ArchiveParts);
  beforeEach(() => {
    opened.mockClear();
    record = sampleBatch('acme', 1);
  });

  it('opens a batch once that was asked for ahead', async () => {
    const reading = readingOf();
    reading.ahead(256);
    reading.ahead(256);
    expect(await reading.at(256)).toMatchObject({ from: 256, to: 511, batch: record!._id });
    expect(opened).toHaveBeenCalledTimes(1);
  });

  it('opens it again when its record is another by then', async () => {
    const reading = readingOf();
    reading.ahead(256);
    await new Promise(setImmediate);
    record = { ...record!, state: 'retired' };
    await reading.at(256);
    expect(opened).toHaveBeenCalledTimes(2);
    expect(opened).toHaveBeenLastCalledWith(record, expect.anything());
  });

  it('is told what ahead only met', async () => {
    const reading = readingOf();
    opened.mockRejectedValueOnce(new Error('no store'));
    reading.ahead(256);
    expect(await reading.at(256)).toMatchObject({ from: 256 });
    opened.mockRejectedValueOnce(new Error('no store')).mockRejectedValueOnce(new Error('no store'));
    reading.ahead(512);
    record = sampleBatch('acme', 2);
    await expect(reading.at(512)).rejects.toThrow('no store');
  });
});
