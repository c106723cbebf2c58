import fc from 'fast-check';
import { MAX_BATCH_BYTES, MAX_BATCH_ENTRIES } from '#libs/archive';
import { MAX_EVENT_BYTES } from '#libs/ledger';
import { BATCH_STEP, fitsBatch, selectableRange } from './batch-selection.js';

const ledger = fc
  .record({ tiles: fc.nat(1_000), published: fc.nat(400_000), covered: fc.nat(400_000) })
  .map(({ tiles, published, covered }) => ({
    start: tiles * BATCH_STEP,
    publishedSize: published,
    coveredSize: Math.min(covered, published),
  }));

describe('selectableRange', () => {
  it('begins where the archive ends and ends on a tile, within what is old, signed and not the head', () => {
    fc.assert(
      fc.property(ledger, (given) => {
        const range = selectableRange(given);
        if (!range) return;
        expect(range.start).toBe(given.start);
        expect(range.end).toBeGreaterThan(range.start);
        expect(range.end % BATCH_STEP).toBe(0);
        expect(range.end - range.start).toBeLessThanOrEqual(MAX_BATCH_ENTRIES);
        expect(range.end).toBeLessThanOrEqual(given.coveredSize);
        expect(range.end).toBeLessThan(given.publishedSize);
      }),
    );
  });

  it('leaves no tile behind that could go', () => {
    fc.assert(
      fc.property(ledger, (given) => {
        const end = selectableRange(given)?.end ?? given.start;
        if (end - given.start === MAX_BATCH_ENTRIES) return;
        const nextEnd = end + BATCH_STEP;
        expect(nextEnd > given.coveredSize || nextEnd >= given.publishedSize).toBe(true);
      }),
    );
  });

  it.each([
    ['nothing is signed', { start: 0, coveredSize: 0, publishedSize: 0 }, undefined],
    ['a tile is not whole', { start: 0, coveredSize: 255, publishedSize: 900 }, undefined],
    ['a tile is whole', { start: 0, coveredSize: 256, publishedSize: 900 }, { start: 0, end: 256 }],
    ['it ends with the newest entry', { start: 256, coveredSize: 512, publishedSize: 512 }, undefined],
    ['one entry follows', { start: 256, coveredSize: 512, publishedSize: 513 }, { start: 256, end: 512 }],
    ['there is more than a batch', { start: 0, coveredSize: 99_999, publishedSize: 99_999 }, { start: 0, end: 65_536 }],
  ])('when %s', (_what, given, expected) => {
    expect(selectableRange(given)).toEqual(expected);
  });
});

describe('fitsBatch', () => {
  it('takes tiles up to 32 MiB, and a first one of the largest events', () => {
    expect(fitsBatch(0, BATCH_STEP * (MAX_EVENT_BYTES + 1))).toBe(true);
    expect(BATCH_STEP * (MAX_EVENT_BYTES + 1)).toBeLessThanOrEqual(MAX_BATCH_BYTES);
    expect(fitsBatch(MAX_BATCH_BYTES - 1, 1)).toBe(true);
    expect(fitsBatch(MAX_BATCH_BYTES, 1)).toBe(false);
  });
});
