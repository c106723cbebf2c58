import fc from 'fast-check';
import { isSettled, newestOf, type Placed } from './newest-first.js';

interface Marked extends Placed {
  tier: number;
}

const ms = fc.integer({ min: 0, max: 5 });
const tsOf = (value: number): string => new Date(Date.UTC(2026, 10, 21) + value).toISOString();

/** Entries of one ledger, each in at least one of two tiers. */
const tiers = fc
  .array(fc.record({ time: ms, where: fc.integer({ min: 1, max: 3 }) }), { maxLength: 30 })
  .map((entries) => entries.map(({ time, where }, seq) => ({ ts: tsOf(time), seq, where })));

const naive = <Entry extends Placed>(entries: readonly Entry[], limit: number): Entry[] =>
  [...entries].sort((a, b) => (a.ts === b.ts ? b.seq - a.seq : a.ts < b.ts ? 1 : -1)).slice(0, limit);

describe('newestOf', () => {
  it('is the beginning of the whole list, from the beginnings of the tiers', () => {
    fc.assert(
      fc.property(tiers, fc.integer({ min: 1, max: 10 }), (entries, limit) => {
        const tier = (bit: number): Marked[] =>
          entries.filter(({ where }) => (where & bit) > 0).map(({ ts, seq }) => ({ ts, seq, tier: bit }));
        const page = newestOf(limit, naive(tier(1), limit), naive(tier(2), limit));
        const expected = naive(entries, limit);
        expect(page.map(({ seq }) => seq)).toEqual(expected.map(({ seq }) => seq));
        // Where an entry is in both, it is that of the first.
        expect(page.map(({ tier: bit }) => bit)).toEqual(expected.map(({ where }) => where & 1 || 2));
      }),
    );
  });
});

describe('isSettled', () => {
  it('says that nothing older changes the page, and only then', () => {
    fc.assert(
      fc.property(tiers, fc.integer({ min: 1, max: 5 }), ms, fc.nat(40), (entries, limit, time, seq) => {
        const page = naive(entries, limit);
        const newest = { ts: tsOf(time), seq: 100 + seq };
        const changed = newestOf(limit, page, [newest]).some((entry) => entry.seq === newest.seq);
        expect(isSettled(page, limit, newest)).toBe(!changed);
      }),
    );
  });
});
