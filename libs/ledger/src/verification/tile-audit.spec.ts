import type { Break } from '../index.js';
import { ATTACKS } from './attacks.fixture.js';
import {
  at,
  eventOf,
  forgedEntry,
  overwrite,
  rechain,
  renumber,
  testLedger,
  tilesOf,
  verified,
  verifiedBySegments,
} from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';

const SIZE = 42;
const WIDTH = 8;

/** With tiles over the first 40 entries. */
function tiledLedger(checkpoints: readonly number[] = [10, 24, 42]): TestLedger {
  const ledger = testLedger(SIZE, checkpoints);
  return { ...ledger, tiles: tilesOf(ledger, WIDTH) };
}
const rewrite = (ledger: TestLedger, seq: number): void => {
  overwrite(at(ledger, seq), eventOf(700 + seq), true);
  rechain(ledger, seq);
};
const alterTile = ({ tiles = [] }: TestLedger, seq: number): void => {
  const tile = tiles[Math.floor(seq / WIDTH)]!;
  tiles[Math.floor(seq / WIDTH)] = { ...tile, hashes: tile.hashes.with(seq % WIDTH, new Uint8Array(32).fill(seq)) };
};
const told = (ledger: TestLedger): unknown[] =>
  verified(ledger).breaks.map((found) => [found.class, placesOf(found), found.verdict]);
const placesOf = ({ seq, from, to, seqs }: Break): unknown => seqs ?? seq ?? [from, to];
const PROVEN = 'proven_tampering';

describe('leaf tiles', () => {
  it('are compared and agree in a clean ledger', () => {
    const report = verified(tiledLedger());
    expect(report).toMatchObject({ tier: 'consistent', breaks: [], tiles: { compared: 5, agreed: 5 } });
  });

  describe('when history was rewritten with every later hash', () => {
    it('names the seq of a replaced entry', () => {
      const ledger = tiledLedger();
      rewrite(ledger, 6);
      expect(told(ledger)).toEqual([['edited', 6, PROVEN]]);
      const [found] = verified(ledger).breaks;
      expect(found).toMatchObject({
        located: 'seq',
        event_id: eventOf(706).id,
        last_good_seq: 5,
        first_good_seq_after: 7,
      });
      expect(found?.reason).toContain('by the stored leaf tile');
      expect(verified(ledger).checkpoints).toMatchObject({ matched: 3, not_comparable: 0 });
    });

    it('names each of several, also in different intervals', () => {
      const ledger = tiledLedger();
      for (const seq of [6, 7, 15, 30]) rewrite(ledger, seq);
      expect(told(ledger)).toEqual([6, 7, 15, 30].map((seq) => ['edited', seq, PROVEN]));
    });

    it.each([1, 3])('names %d taken out, and no tail is missing', (count) => {
      const ledger = tiledLedger();
      ledger.entries.splice(13, count);
      renumber(ledger, 13, true);
      rechain(ledger, 13);
      expect(told(ledger)).toEqual([['deleted', count === 1 ? 13 : [13, 15], PROVEN]]);
    });

    it('names one put in', () => {
      const ledger = tiledLedger();
      ledger.entries.splice(13, 0, forgedEntry(13, at(ledger, 12).chain_hash));
      renumber(ledger, 13, true);
      rechain(ledger, 13);
      expect(told(ledger)).toEqual([['inserted', 13, PROVEN]]);
    });

    it.each([
      [13, 14],
      [13, 17],
      [13, 30],
    ])('names %d and %d in each other’s places', (one, other) => {
      const ledger = tiledLedger();
      const [a, b] = [at(ledger, one), at(ledger, other)];
      Object.assign(ledger.entries, { [one]: { ...b }, [other]: { ...a } });
      renumber(ledger, 0, true);
      rechain(ledger, one);
      expect(told(ledger)).toEqual([['reordered', [one, other], PROVEN]]);
    });
  });

  it('are found changed where a signed root agrees with the entries', () => {
    const ledger = tiledLedger();
    alterTile(ledger, 6);
    alterTile(ledger, 20);
    expect(told(ledger)).toEqual([
      ['tile_mismatch', 6, PROVEN],
      ['tile_mismatch', 20, PROVEN],
    ]);
    expect(verified(ledger)).toMatchObject({ tiles: { compared: 5, agreed: 3 }, checkpoints: { matched: 3 } });
  });

  it('tell entries and tiles apart when both were changed, in different intervals', () => {
    const ledger = tiledLedger();
    rewrite(ledger, 6);
    alterTile(ledger, 13);
    expect(told(ledger)).toEqual([
      ['edited', 6, PROVEN],
      ['tile_mismatch', 13, PROVEN],
    ]);
  });

  it('leave the interval between two checkpoints when they were rewritten too, and the report says so', () => {
    const ledger = tiledLedger();
    rewrite(ledger, 13);
    ledger.tiles = tilesOf(ledger, WIDTH);
    expect(told(ledger)).toEqual([['edited', [10, 23], PROVEN]]);
    const [found] = verified(ledger).breaks;
    expect(found).toMatchObject({ located: 'interval', checkpoint: 24 });
    expect(found?.reason).toContain('rewritten too');
    expect(verified({ ...ledger, tiles: [] }).breaks[0]?.reason).toContain('no leaf tile tells the place');
  });

  it('prove nothing where no root is signed', () => {
    const ledger = tiledLedger([10]);
    rewrite(ledger, 13);
    expect(told(ledger)).toEqual([['tile_mismatch', 13, 'inconsistent']]);
  });

  it('tell a tail that was cut together with its checkpoints', () => {
    const ledger = tiledLedger([10, 24]);
    ledger.entries.splice(30);
    expect(told(ledger)).toEqual([['tail_cut', [30, 39], 'inconsistent']]);
  });

  it.each(ATTACKS)('name single seqs when the attack is %s', (_what, attack) => {
    const ledger = tiledLedger();
    attack(ledger);
    const { tier, breaks } = verified(ledger);
    expect(tier).toBe('broken');
    expect(breaks.filter(({ class: kind }) => kind === 'edited').map(({ seq }) => typeof seq)).not.toContain(
      'undefined',
    );
    expect(breaks.map(({ located }) => located)).not.toContain('interval');
    for (const length of [8, 24]) expect(verifiedBySegments(ledger, { length })).toEqual(verified(ledger));
  });
});
