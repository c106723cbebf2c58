import fc from 'fast-check';
import { gapsFilled } from './gaps.js';

type Entry = { seq: number; tier: number };

/** Of each seq: in the hot tier (1), the cold one (2), both, or gone (0). */
const ledgers = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 });

describe('gapsFilled', () => {
  it('is what a list of all tiers has after a seq', async () => {
    await fc.assert(
      fc.asyncProperty(
        ledgers,
        fc.integer({ min: -1, max: 30 }),
        fc.integer({ min: 1, max: 10 }),
        async (where, after, limit) => {
          const tier = (bit: number): Entry[] =>
            where.flatMap((tiers, seq) => ((tiers & bit) > 0 ? [{ seq, tier: bit }] : []));
          const hot = tier(1)
            .filter(({ seq }) => seq > after)
            .slice(0, limit);
          const found = await gapsFilled(hot, { after, limit }, ({ from, to, limit: most }) =>
            Promise.resolve(
              tier(2)
                .filter(({ seq }) => seq >= from && seq < to)
                .slice(0, most),
            ),
          );
          const naive = where.flatMap((tiers, seq) =>
            seq > after && tiers > 0 ? [{ seq, tier: tiers & 1 || 2 }] : [],
          );
          expect(found).toEqual(naive.slice(0, limit));
        },
      ),
    );
  });

  it('reads nothing where there is no gap and the page is full', async () => {
    const read = jest.fn(() => Promise.resolve([]));
    expect(await gapsFilled([{ seq: 4 }, { seq: 5 }], { after: 3, limit: 2 }, read)).toHaveLength(2);
    expect(read).not.toHaveBeenCalled();
  });
});
