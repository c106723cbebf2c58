import fc from 'fast-check';
import { ed25519 } from '@noble/curves/ed25519.js';
import { genesisHash, signEvent } from '../index.js';
import type { Break } from '../index.js';
import {
  at,
  eventOf,
  forgedEntry,
  KEY,
  ORIGIN,
  overwrite,
  rechain,
  signedCheckpoint,
  testLedger,
  verified,
} from './hostile-ledger.fixture.js';
import type { Document, TestLedger } from './hostile-ledger.fixture.js';
import { ATTACKS, flipped, set } from './attacks.fixture.js';

/** Bits of each field of each entry that are flipped; every one of them in the long form (`Infinity`). */
const FLIPS = Number(process.env['FLIPS'] ?? 3);

const placesOf = ({ seq, from, to, seqs }: Break): unknown => seqs ?? seq ?? [from, to];
const told = (ledger: TestLedger): unknown[] =>
  verified(ledger).breaks.map((found) => [found.class, placesOf(found), ...(found.field ? [found.field] : [])]);

describe('LedgerVerifier', () => {
  it('finds nothing in a clean ledger of any size, with checkpoints of any size', () => {
    fc.assert(
      fc.property(fc.nat(70), fc.array(fc.nat(70), { maxLength: 4 }), (size, sizes) => {
        const checkpoints = [...new Set(sizes.filter((one) => one <= size))].sort((a, b) => a - b);
        const newest = checkpoints.at(-1) ?? 0;
        const report = verified(testLedger(size, checkpoints));
        expect(report.breaks).toEqual([]);
        expect(report.tier).toBe(size > 0 && newest === 0 ? 'incomplete' : 'consistent');
        expect(report.entries).toEqual({ expected: size, found: size, verified: size });
        expect(report.checkpoints).toMatchObject({ checked: checkpoints.length, matched: checkpoints.length });
        expect(report.unsealed).toEqual(newest < size ? { from: newest, to: size - 1 } : null);
      }),
      { numRuns: 30 },
    );
  });

  describe.each([
    ['sealed', [12]],
    ['with an unsealed tail', [4]],
    ['without checkpoints', []],
  ])('%s', (_what, sizes) => {
    it('finds flipped bits of every field of every entry at its seq', () => {
      const clean = testLedger(12, sizes);
      for (let seq = 0; seq < 12; seq++) {
        for (const [field, value] of Object.entries(at(clean, seq))) {
          for (const changed of flipsOf(value, seq)) {
            const entries = [...clean.entries];
            entries[seq] = { ...at(clean, seq), [field]: changed };
            const report = verified({ ...clean, entries });
            const seen = { field, seq, tier: report.tier, places: report.breaks.map(placesOf) };
            expect(seen).toEqual({ field, seq, tier: 'broken', places: [seq] });
          }
        }
      }
    });
  });

  describe('events with their own signature', () => {
    const seed = new Uint8Array(32).fill(8);
    const signed = (kid = 'k1', by = seed): TestLedger =>
      testLedger(6, [6], (event) => signEvent(event, { kid, seed: by }));
    const keys = { verifierKeys: [KEY], pinned: true, eventKeys: new Map([['k1', ed25519.getPublicKey(seed)]]) };

    it('hold under their key', () => {
      expect(verified(signed(), { keys })).toMatchObject({ tier: 'consistent', breaks: [] });
    });

    it('are one finding for a key that is not known, which breaks nothing', () => {
      const report = verified(signed('k2'), { keys });
      expect(report).toMatchObject({ tier: 'incomplete', entries: { verified: 6 } });
      expect(report.breaks).toMatchObject([{ class: 'key_unknown', from: 0, to: 5, verdict: 'cannot_check' }]);
      expect(report.reasons).toEqual([expect.stringContaining('6 events are signed by k2')]);
    });

    it('are named one by one where the signature is by another key than it says', () => {
      const report = verified(signed('k1', new Uint8Array(32).fill(9)), { keys });
      expect(report.tier).toBe('broken');
      expect(report.breaks.map((found) => [found.class, found.seq, found.field])).toEqual(
        [0, 1, 2, 3, 4, 5].map((seq) => ['edited', seq, 'sig']),
      );
    });
  });

  describe.each(ATTACKS)('when the attack is %s', (_what, attack, expected) => {
    it('names its class and place', () => {
      const ledger = testLedger(12, [2, 4, 8, 12]);
      attack(ledger);
      expect(told(ledger)).toEqual(expected);
    });
  });

  it('survives anything in the place of a document', () => {
    const values = fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true });
    fc.assert(
      fc.property(values, fc.nat(11), (value, seq) => {
        const ledger = testLedger(12, [12]);
        ledger.entries[seq] = value as Document;
        expect(verified(ledger).tier).toBe('broken');
      }),
      { numRuns: 80 },
    );
  });

  it('tells the good neighbours, what was stored and what follows from the bytes', () => {
    const ledger = testLedger(12, [12]);
    set(at(ledger, 5), 'job_id', 'job-6');
    set(at(ledger, 6), 'job_id', 'job-7');
    expect(verified(ledger).breaks[0]).toEqual({
      class: 'index_mismatch',
      seq: 5,
      event_id: eventOf(5).id,
      field: 'job_id',
      stored: 'job-6',
      recomputed: 'job-5',
      located: 'seq',
      last_good_seq: 4,
      first_good_seq_after: 7,
      verdict: 'inconsistent',
      reason: expect.any(String),
    });
    expect(verified(ledger).entries).toEqual({ expected: 12, found: 12, verified: 10 });
  });

  it('locates a consistent rewrite to the interval between two checkpoints', () => {
    const ledger = testLedger(12, [2, 4, 8, 12]);
    overwrite(at(ledger, 6), eventOf(77), true);
    rechain(ledger, 6);
    expect(verified(ledger).breaks).toMatchObject([
      { located: 'interval', from: 4, to: 7, checkpoint: 8, verdict: 'proven_tampering' },
    ]);
  });

  describe('checkpoints', () => {
    const broken = (change: (ledger: TestLedger) => void, options = {}): unknown => {
      const ledger = testLedger(12, [4, 12]);
      change(ledger);
      const { tier, breaks } = verified(ledger, options);
      return [tier, ...breaks.map((found) => [found.class, found.checkpoint])];
    };
    const otherSeed = new Uint8Array(32).fill(5);

    it('reports one by an unknown key as what cannot be checked', () => {
      const sign = (l: TestLedger): number =>
        l.checkpoints.push(signedCheckpoint(12, l.roots[12] as Uint8Array, otherSeed));
      expect(broken(sign)).toEqual(['incomplete', ['key_unknown', 12]]);
    });

    it('reports an altered one, one of another origin and one that is no note', () => {
      const altered = (l: TestLedger): string =>
        (l.checkpoints[1] = (l.checkpoints[1] as string).replace('\n12\n', '\n11\n'));
      expect(broken(altered)).toEqual(['broken', ['checkpoint_invalid', 11]]);
      const other = (l: TestLedger): string =>
        (l.checkpoints[1] = signedCheckpoint(12, l.roots[12] as Uint8Array, undefined, 'example.org/ledger/other'));
      expect(broken(other)).toEqual(['broken', ['checkpoint_invalid', 12]]);
      expect(broken((l) => l.checkpoints.push('garbage'))).toEqual(['broken', ['checkpoint_invalid', undefined]]);
    });

    it('reports two signed checkpoints of one size with different roots as a fork', () => {
      const fork = (l: TestLedger): number => l.checkpoints.push(signedCheckpoint(12, new Uint8Array(32)));
      expect(broken(fork)).toEqual(['broken', ['forked', 12]]);
    });

    it('compares with the high-water mark outside the database', () => {
      const highWater = (size: number, root = testLedger(size, []).roots[size]): object => ({
        highWater: { origin: ORIGIN, size, root },
      });
      expect(broken(() => undefined, highWater(12))).toEqual(['consistent']);
      expect(broken(() => undefined, highWater(9))).toEqual(['consistent']);
      expect(broken(() => undefined, highWater(14))).toEqual(['broken', ['rolled_back', 14]]);
      expect(broken(() => undefined, highWater(12, new Uint8Array(32)))).toEqual(['broken', ['forked', 12]]);
      const restored = (l: TestLedger): void => void [l.entries.splice(6), l.checkpoints.pop()];
      expect(broken(restored, highWater(12))).toEqual(['broken', ['rolled_back', 12]]);
    });

    it('says which keys vouched and where they came from', () => {
      const keys = { verifierKeys: [KEY], pinned: false };
      expect(verified(testLedger(3, [3]), { keys })).toMatchObject({
        tier: 'consistent',
        keys: 'unpinned',
        keys_used: [`${ORIGIN}+${KEY.keyId}`],
        checkpoints: { checked: 1, matched: 1, not_comparable: 0, newest: { size: 3 } },
      });
    });

    it('says which could not be compared because a leaf below them is gone', () => {
      const ledger = testLedger(12, [4, 8, 12]);
      ledger.entries.splice(5, 1);
      expect(verified(ledger).checkpoints).toMatchObject({ matched: 1, not_comparable: 2 });
    });
  });

  it('counts all breaks and lists no more than asked for', () => {
    const ledger = testLedger(60, [60]);
    for (const entry of ledger.entries) set(entry, 'job_id', 'job-x');
    const { breaks, breaks_total: total, tier } = verified(ledger, { maxBreaks: 10 });
    expect([breaks.length, total, tier]).toEqual([10, 60, 'broken']);
  });

  it('reports an entry that leads neither in nor out, and the next one, which nothing vouches for any more', () => {
    const ledger = testLedger(12, [12]);
    ledger.entries[0] = forgedEntry(0, genesisHash('example.org/ledger/other'));
    expect(told(ledger)).toEqual([
      ['edited', 0, 'bytes'],
      ['edited', 1, 'bytes'],
    ]);
  });
});

/** Single-bit changes of a value that a field of a stored document can hold: FLIPS of its bits, others at each `seq`. */
function flipsOf(value: unknown, seq: number): unknown[] {
  const content = value as number | Uint8Array | string;
  const count = typeof content === 'number' ? 50 : content.length * 8;
  const stride = Math.max(1, Math.ceil(count / FLIPS));
  const bits = Array.from({ length: count }, (_, bit) => bit).filter((bit) => bit % stride === seq % stride);
  return bits.map((bit) => {
    if (typeof content === 'number') return Number(BigInt(content) ^ (1n << BigInt(bit)));
    return typeof content === 'string' ? flippedText(content, bit) : flipped(content, bit);
  });
}

const flippedText = (text: string, bit: number): string =>
  text.slice(0, bit >> 3) +
  String.fromCharCode(text.charCodeAt(bit >> 3) ^ (1 << (bit & 7))) +
  text.slice((bit >> 3) + 1);
