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
  renumber,
  signedCheckpoint,
  testLedger,
  verified,
} from './hostile-ledger.fixture.js';
import type { Document, TestLedger } from './hostile-ledger.fixture.js';

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
};
const placesOf = ({ seq, from, to, seqs }: Break): unknown => seqs ?? seq ?? [from, to];
const told = (ledger: TestLedger): unknown[] =>
  verified(ledger).breaks.map((found) => [found.class, placesOf(found), ...(found.field ? [found.field] : [])]);
const swapFields = (a: Document, b: Document, fields: string[]): void => {
  for (const field of fields) [a[field], b[field]] = [b[field], a[field]];
};
const CONTENT = ['bytes', 'leaf_hash', 'event_id', 'kind', 'ts', 'resource_id', 'job_id'];
const without = (entry: Document, field: string): void => void delete (entry as Record<string, unknown>)[field];
const set = (entry: Document, field: string, value: unknown): void =>
  void ((entry as Record<string, unknown>)[field] = value);

describe('LedgerVerifier', () => {
  it('finds nothing in a clean ledger of any size, with checkpoints of any size', () => {
    fc.assert(
      fc.property(fc.nat(70), fc.array(fc.nat(70), { maxLength: 4 }), (size, sizes) => {
        const checkpoints = [...new Set(sizes.filter((one) => one <= size))].sort((a, b) => a - b);
        const report = verified(testLedger(size, checkpoints));
        expect(report.breaks).toEqual([]);
        expect(report.verdict).toBe(size > 0 && checkpoints.length === 0 ? 'incomplete' : 'consistent');
        expect(report.entries).toEqual({ expected: size, found: size, verified: size });
        expect(report.checkpoints).toMatchObject({ checked: checkpoints.length, matched: checkpoints.length });
        const newest = checkpoints.at(-1) ?? 0;
        expect(report.unsealed).toEqual(newest < size ? { from: newest, to: size - 1 } : null);
      }),
      { numRuns: 60 },
    );
  });

  describe.each([
    ['sealed', [12], 97],
    ['with an unsealed tail', [4], 97],
    ['without checkpoints', [], 11],
  ])('%s', (_what, sizes, stride) => {
    it('finds flipped bits of every field of every entry at its seq', () => {
      const clean = testLedger(12, sizes);
      for (let seq = 0; seq < 12; seq++) {
        for (const [field, value] of Object.entries(at(clean, seq))) {
          for (const changed of flipsOf(value, stride, seq)) {
            const entries = [...clean.entries];
            entries[seq] = { ...at(clean, seq), [field]: changed };
            const report = verified({ ...clean, entries });
            const seen = { field, seq, verdict: report.verdict, places: report.breaks.map(placesOf) };
            expect(seen).toEqual({ field, seq, verdict: 'broken', places: [seq] });
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
      expect(verified(signed(), { keys })).toMatchObject({ verdict: 'consistent', breaks: [] });
    });

    it('are one finding for a key that is not known, which breaks nothing', () => {
      const report = verified(signed('k2'), { keys });
      expect(report).toMatchObject({ verdict: 'incomplete', entries: { verified: 6 } });
      expect(report.breaks).toMatchObject([{ class: 'key_unknown', from: 0, to: 5, standing: 'cannot_check' }]);
      expect(report.reasons).toEqual([expect.stringContaining('6 events are signed by k2')]);
    });

    it('are named one by one where the signature is by another key than it says', () => {
      const report = verified(signed('k1', new Uint8Array(32).fill(9)), { keys });
      expect(report.verdict).toBe('broken');
      expect(report.breaks.map((found) => [found.class, found.seq, found.field])).toEqual(
        [0, 1, 2, 3, 4, 5].map((seq) => ['edited', seq, 'sig']),
      );
    });
  });

  const attacks: [string, (ledger: TestLedger) => void, unknown[]][] = [
    ['one byte of the bytes', (l) => set(at(l, 5), 'bytes', flipped(at(l, 5).bytes, 99)), [['edited', 5, 'bytes']]],
    ['the leaf hash', (l) => set(at(l, 5), 'leaf_hash', flipped(at(l, 5).leaf_hash, 9)), [['edited', 5, 'leaf_hash']]],
    [
      'the chain hash',
      (l) => set(at(l, 5), 'chain_hash', flipped(at(l, 5).chain_hash, 9)),
      [['edited', 5, 'chain_hash']],
    ],
    [
      'the chain hash of the last',
      (l) => set(at(l, 11), 'chain_hash', new Uint8Array(32)),
      [['edited', 11, 'chain_hash']],
    ],
    ['another event over it', (l) => overwrite(at(l, 5), eventOf(77), false), [['edited', 5, 'bytes']]],
    ['another event with leaf hash and columns', (l) => overwrite(at(l, 5), eventOf(77), true), [['edited', [4, 5]]]],
    [
      'another event with all its own hashes',
      (l) => Object.assign(at(l, 5), forgedEntry(5, at(l, 4).chain_hash)),
      [['edited', [5, 6]]],
    ],
    [
      'another event with all its own hashes, below a checkpoint between',
      (l) => Object.assign(at(l, 3), forgedEntry(3, at(l, 2).chain_hash)),
      [
        ['edited', [2, 3]],
        ['edited', [3, 4]],
      ],
    ],
    ['the entry after a checkpoint', (l) => overwrite(at(l, 4), eventOf(77), true), [['edited', 4, 'bytes']]],
    ['the first entry', (l) => overwrite(at(l, 0), eventOf(77), true), [['edited', 0, 'bytes']]],
    ['the last entry', (l) => overwrite(at(l, 11), eventOf(77), true), [['edited', [10, 11]]]],
    [
      'two neighbours',
      (l) => [5, 6].forEach((seq) => overwrite(at(l, seq), eventOf(70 + seq), true)),
      [
        ['edited', 5, 'bytes'],
        ['edited', 6, 'bytes'],
      ],
    ],
    ['a column', (l) => set(at(l, 5), 'job_id', 'job-6'), [['index_mismatch', 5, 'job_id']]],
    ['a column removed', (l) => without(at(l, 5), 'project'), [['index_mismatch', 5, 'project']]],
    ['an extra field', (l) => set(at(l, 5), 'note', 'x'), [['index_mismatch', 5, 'note']]],
    ['the _id', (l) => set(at(l, 5), '_id', 'acme:0000000000000099'), [['edited', 5, '_id']]],
    ['the tenant', (l) => set(at(l, 5), 'tenant', 'acmf'), [['edited', 5, 'tenant']]],
    ['the seq as text', (l) => set(at(l, 5), 'seq', '5'), [['edited', 5, 'seq']]],
    ['the seq removed', (l) => without(at(l, 5), 'seq'), [['edited', 5, 'seq']]],
    ['the bytes removed', (l) => without(at(l, 5), 'bytes'), [['edited', 5, 'bytes']]],
    ['the chain hash removed', (l) => without(at(l, 5), 'chain_hash'), [['edited', 5, 'chain_hash']]],
    ['one deleted', (l) => l.entries.splice(5, 1), [['deleted', 5]]],
    ['the first deleted', (l) => l.entries.splice(0, 1), [['deleted', 0]]],
    ['three deleted', (l) => l.entries.splice(4, 3), [['deleted', [4, 6]]]],
    [
      'two apart deleted',
      (l) => [8, 2].forEach((seq) => l.entries.splice(seq, 1)),
      [
        ['deleted', 2],
        ['deleted', 8],
      ],
    ],
    ['the last deleted', (l) => l.entries.pop(), [['tail_cut', [11, 11]]]],
    ['the tail deleted', (l) => l.entries.splice(7), [['tail_cut', [7, 11]]]],
    ['all deleted', (l) => l.entries.splice(0), [['tail_cut', [0, 11]]]],
    [
      'one deleted and the rest renumbered',
      (l) => {
        l.entries.splice(5, 1);
        renumber(l, 5, false);
      },
      [['deleted', 5]],
    ],
    ['a copy under another _id', (l) => l.entries.push({ ...at(l, 5), _id: 'copy' }), [['inserted', 5]]],
    ['a copy before it', (l) => l.entries.unshift({ ...at(l, 5), _id: 'copy' }), [['inserted', 5]]],
    ['a fork', (l) => l.entries.push({ ...forgedEntry(5, at(l, 4).chain_hash), _id: 'fork' }), [['forked', 5]]],
    [
      'one past the end with a wrong chain',
      (l) => l.entries.push(forgedEntry(12, new Uint8Array(32))),
      [['inserted', 12]],
    ],
    [
      'one inserted with a right chain, the rest renumbered',
      (l) => {
        l.entries.splice(5, 0, forgedEntry(5, at(l, 4).chain_hash));
        renumber(l, 5, true);
      },
      [['inserted', 5]],
    ],
    [
      'one inserted with a wrong chain, only seqs renumbered',
      (l) => {
        l.entries.splice(5, 0, forgedEntry(5, new Uint8Array(32)));
        renumber(l, 5, false);
      },
      [['inserted', 5]],
    ],
    [
      'three inserted with a right chain, the rest renumbered',
      (l) => {
        for (let seq = 5; seq < 8; seq++)
          l.entries.splice(seq, 0, forgedEntry(seq, at(l, seq - 1).chain_hash, 900 + seq));
        renumber(l, 5, true);
      },
      [
        ['inserted', 5],
        ['inserted', 6],
        ['inserted', 7],
      ],
    ],
    ...(
      [
        ['far apart', 3, 8],
        ['next to each other', 5, 6],
        ['first and last', 0, 11],
        ['one between', 5, 7],
      ] as const
    ).flatMap(([what, a, b]): typeof attacks => [
      [`seqs swapped, ${what}`, (l) => swapFields(at(l, a), at(l, b), ['seq']), [['reordered', [a, b]]]],
      [`seqs and ids swapped, ${what}`, (l) => swapFields(at(l, a), at(l, b), ['seq', '_id']), [['reordered', [a, b]]]],
      [`bytes swapped, ${what}`, (l) => swapFields(at(l, a), at(l, b), ['bytes']), [['reordered', [a, b]]]],
      [`contents swapped, ${what}`, (l) => swapFields(at(l, a), at(l, b), CONTENT), [['reordered', [a, b]]]],
    ]),
    [
      'rewritten with every later hash',
      (l) => {
        overwrite(at(l, 6), eventOf(77), true);
        rechain(l, 6);
      },
      [['edited', [4, 7]]],
    ],
    [
      'deleted with every later entry renumbered and rehashed',
      (l) => {
        l.entries.splice(6, 1);
        renumber(l, 6, true);
        rechain(l, 6);
      },
      [
        ['edited', [4, 7]],
        ['tail_cut', [11, 11]],
      ],
    ],
    [
      'an edit here, a deletion there, an edited column elsewhere',
      (l) => {
        set(at(l, 1), 'bytes', flipped(at(l, 1).bytes, 99));
        set(at(l, 9), 'kind', 'job.deleted');
        l.entries.splice(5, 1);
      },
      [
        ['edited', 1, 'bytes'],
        ['deleted', 5],
        ['index_mismatch', 9, 'kind'],
      ],
    ],
    [
      'an obvious edit that hides a rewritten one',
      (l) => {
        overwrite(at(l, 6), eventOf(77), true);
        rechain(l, 6);
        set(at(l, 2), 'bytes', flipped(at(l, 2).bytes, 99));
      },
      [
        ['edited', 2, 'bytes'],
        ['edited', [4, 7]],
      ],
    ],
    [
      'garbage in every field',
      (l) => Object.assign(at(l, 5), { bytes: new Uint8Array(3), leaf_hash: 'x', chain_hash: 7, kind: null, _id: {} }),
      [['edited', 5, 'bytes']],
    ],
  ];

  describe.each(attacks)('when the attack is %s', (_what, attack, expected) => {
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
        expect(verified(ledger).verdict).toBe('broken');
      }),
      { numRuns: 200 },
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
      standing: 'inconsistent',
      reason: expect.any(String),
    });
    expect(verified(ledger).entries).toEqual({ expected: 12, found: 12, verified: 10 });
  });

  it('locates a consistent rewrite to the interval between two checkpoints', () => {
    const ledger = testLedger(12, [2, 4, 8, 12]);
    overwrite(at(ledger, 6), eventOf(77), true);
    rechain(ledger, 6);
    expect(verified(ledger).breaks).toMatchObject([
      { located: 'interval', from: 4, to: 7, checkpoint: 8, standing: 'contradicts_signature' },
    ]);
  });

  describe('checkpoints', () => {
    const broken = (change: (ledger: TestLedger) => void, options = {}): unknown => {
      const ledger = testLedger(12, [4, 12]);
      change(ledger);
      const { verdict, breaks } = verified(ledger, options);
      return [verdict, ...breaks.map((found) => [found.class, found.checkpoint])];
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
      expect(broken(fork)).toEqual(['broken', ['forked', 12], ['edited', 12]]);
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
        verdict: 'consistent',
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
    const { breaks, breaks_total: total, verdict } = verified(ledger, { maxBreaks: 10 });
    expect([breaks.length, total, verdict]).toEqual([10, 60, 'broken']);
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

/** Single-bit changes of a value that a field of a stored document can hold: one bit in `stride`, from `first` on. */
function flipsOf(value: unknown, stride: number, first: number): unknown[] {
  if (typeof value === 'number') {
    return Array.from({ length: 50 }, (_, bit) => Number(BigInt(value) ^ (1n << BigInt(bit))));
  }
  const content = value as Uint8Array | string;
  const bits = Array.from({ length: content.length * 8 }, (_, bit) => bit).filter(
    (bit) => bit % stride === first % stride,
  );
  return bits.map((bit) => (typeof content === 'string' ? flippedText(content, bit) : flipped(content, bit)));
}

const flippedText = (text: string, bit: number): string =>
  text.slice(0, bit >> 3) +
  String.fromCharCode(text.charCodeAt(bit >> 3) ^ (1 << (bit & 7))) +
  text.slice((bit >> 3) + 1);
