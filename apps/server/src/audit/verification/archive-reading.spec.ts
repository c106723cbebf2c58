import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { sampleBatch } from '../storage/archive-batch.fixture.js';
import type { BatchFault } from './archive-fault.js';
import { ArchiveReading, type ArchiveParts } from './archive-reading.js';
import type { OpenedBatch } from './batch-opening.js';

/** What archived-ledger.integration.spec.ts and tests/system/archive-tamper.spec.ts find is not repeated here. */
describe('ArchiveReading', () => {
  const MISSING: BatchFault = { class: 'archive_missing', code: 'ARCHIVE.OBJECT_MISSING', reason: 'gone' };
  const openedAs = (record: ArchiveBatch): OpenedBatch => {
    return { record, from: record.startSeq, to: record.endSeq, faults: [], retired: false };
  };
  const opened = jest.fn((record: ArchiveBatch) => Promise.resolve(openedAs(record)));
  const archiveFault = jest.fn();
  let record: ArchiveBatch | null;
  const readingOf = (): ArchiveReading =>
    new ArchiveReading({
      batches: {
        covering: () => Promise.resolve(record),
        get: () => Promise.resolve(record),
        async *between() {
          if (record) yield record;
        },
      },
      opening: { open: opened },
      verifier: { batch: () => undefined, archiveFault },
      view: { tenant: 'acme', signal: new AbortController().signal },
      ...{ end: 1_000, sealed: 1_000, passed: [] },
    } as unknown as ArchiveParts);
  beforeEach(() => {
    opened.mockClear();
    archiveFault.mockClear();
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

  describe('of a batch whose record is withdrawn while its objects are read', () => {
    beforeEach(() => {
      opened.mockImplementationOnce((found) => {
        record = null;
        return Promise.resolve({ ...openedAs(found), faults: [MISSING] });
      });
    });

    it.each([
      ['by seq', (reading: ArchiveReading) => reading.at(256)],
      ['at the end', (reading: ArchiveReading) => reading.rest()],
    ])('tells nothing when it comes by it %s', async (_when, come) => {
      expect(await come(readingOf())).toBeUndefined();
      expect(opened).toHaveBeenCalledTimes(1);
      expect(archiveFault).not.toHaveBeenCalled();
    });
  });

  it('tells what is wrong with a batch whose record stays as it is', async () => {
    opened.mockImplementationOnce((found) => Promise.resolve({ ...openedAs(found), faults: [MISSING] }));
    expect(await readingOf().at(256)).toMatchObject({ batch: record!._id });
    expect(opened).toHaveBeenCalledTimes(1);
    expect(archiveFault).toHaveBeenCalledWith(expect.objectContaining(MISSING));
  });
});
