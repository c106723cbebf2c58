import { eventOf, at, forgedEntry, overwrite, rechain, renumber } from './hostile-ledger.fixture.js';
import type { Document, TestLedger } from './hostile-ledger.fixture.js';

export const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
};
const swapFields = (a: Document, b: Document, fields: string[]): void => {
  for (const field of fields) [a[field], b[field]] = [b[field], a[field]];
};
const CONTENT = ['bytes', 'leaf_hash', 'event_id', 'kind', 'ts', 'resource_id', 'job_id'];
const without = (entry: Document, field: string): void => void delete (entry as Record<string, unknown>)[field];
export const set = (entry: Document, field: string, value: unknown): void =>
  void ((entry as Record<string, unknown>)[field] = value);

/** Attacks on a ledger of at least 12 entries: what is done, and what is told of it when it has 12 and checkpoints at 2, 4, 8, 12. */
export const ATTACKS: [string, (ledger: TestLedger) => void, unknown[]][] = [
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
  [
    'one deleted and every later hash recomputed, the seqs left',
    (l) => {
      l.entries.splice(5, 1);
      rechain(l, 5);
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
  ).flatMap(([what, a, b]): typeof ATTACKS => [
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
