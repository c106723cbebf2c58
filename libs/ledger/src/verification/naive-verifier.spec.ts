import fc from 'fast-check';
import { signEvent } from '../index.js';
import { ATTACKS } from './attacks.fixture.js';
import {
  at,
  eventOf,
  KEY,
  ORIGIN,
  overwrite,
  rechain,
  TENANT,
  testLedger,
  verified,
} from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';
import { naiveVerdict } from './naive-verifier.fixture.js';
import type { NaiveVerdict } from './naive-verifier.fixture.js';

const MUTATIONS = Number(process.env['NAIVE_MUTATIONS'] ?? 60);
const SIZES = [4, 9, 14];
const SIZE = 14;

const naive = ({ entries, checkpoints }: TestLedger): NaiveVerdict =>
  naiveVerdict({
    tenant: TENANT,
    origin: ORIGIN,
    entries,
    notes: checkpoints,
    publicKey: KEY.publicKey,
  });

/** Naive sound exactly when ours is consistent; and what it finds wrong first, ours does not call good. */
function expectAgreement(ledger: TestLedger, { located = true } = {}): void {
  const { sound, firstWrong } = naive(ledger);
  const { tier, breaks } = verified(ledger);
  expect({ tier, consistent: tier === 'consistent' }).toEqual({ tier, consistent: sound });
  // Past the end it is a matter of taste whether one is missing or one is too many.
  if (firstWrong === undefined || firstWrong >= ledger.roots.length - 1) return;
  expect(tier).toBe('broken');
  if (!located) return;
  const places = breaks.flatMap(
    ({ seq, seqs, from, to }) => seqs ?? (seq !== undefined ? [seq] : [from ?? Infinity, to ?? Infinity]),
  );
  expect(Math.min(...places)).toBeLessThanOrEqual(firstWrong);
}

type Mutation = (ledger: TestLedger) => void;
const place = fc.nat(SIZE - 1);

/** One bit, byte, field or document of the store, as anybody who can write to it could change it. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc
    .tuple(place, fc.constantFrom('bytes', 'leaf_hash', 'chain_hash'), fc.nat(4000))
    .map(([seq, field, bit]): Mutation => (ledger) => {
      const bytes = Uint8Array.from(at(ledger, seq)[field]);
      const index = (bit >> 3) % bytes.length;
      bytes[index] = (bytes[index] as number) ^ (1 << (bit & 7));
      Object.assign(at(ledger, seq), { [field]: bytes });
    }),
  fc
    .tuple(
      place,
      fc.constantFrom('_id', 'tenant', 'seq', 'event_id', 'kind', 'ts', 'project', 'job_id', 'extra'),
      fc.anything(),
    )
    .map(
      ([seq, field, value]): Mutation =>
        (ledger) =>
          void Object.assign(at(ledger, seq), { [field]: value }),
    ),
  fc.tuple(place, place).map(([one, other]): Mutation => (ledger) => {
    const [a, b] = [at(ledger, one), at(ledger, other)];
    [a.seq, b.seq] = [b.seq, a.seq];
  }),
  place.map(
    (seq): Mutation =>
      (ledger) =>
        void ledger.entries.splice(seq, 1),
  ),
  place.map(
    (seq): Mutation =>
      (ledger) =>
        void ledger.entries.push({ ...at(ledger, seq) }),
  ),
  fc.tuple(place, fc.boolean(), fc.boolean()).map(([seq, consistently, chained]): Mutation => (ledger) => {
    overwrite(at(ledger, seq), eventOf(500 + seq), consistently);
    if (chained) rechain(ledger, seq);
  }),
  fc.tuple(fc.nat(2), fc.nat(200)).map(([note, index]): Mutation => (ledger) => {
    const text = ledger.checkpoints[note] as string;
    const char = text.charAt(index % text.length);
    ledger.checkpoints[note] =
      `${text.slice(0, index % text.length)}${char === 'A' ? 'B' : 'A'}${text.slice((index % text.length) + 1)}`;
  }),
  fc.constant<Mutation>(() => undefined),
);

describe('a second verifier that is naive and shares no code', () => {
  it('calls clean ledgers of every size sound, as ours does', () => {
    for (let size = 0; size <= SIZE; size++) {
      const ledger = testLedger(size, size > 0 ? [size] : []);
      expect(naive(ledger)).toEqual({ sound: true, firstWrong: undefined });
      expectAgreement(ledger);
    }
  });

  it('reads events of any content alike, also with names and texts that need escapes', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    const value = fc.oneof(
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
      fc.boolean(),
      fc.constant(null),
    );
    const safe = (n: unknown): boolean => typeof n !== 'number' || !Number.isInteger(n) || Number.isSafeInteger(n);
    const data = fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      value.filter(safe),
      { minKeys: 1, maxKeys: 5 },
    );
    fc.assert(
      fc.property(data, (content) =>
        expectAgreement(testLedger(3, [3], (event) => ({ ...event, data: { ...content } }))),
      ),
      { numRuns: 30 },
    );
  });

  it('reads signed events alike', () => {
    const seed = new Uint8Array(32).fill(8);
    const ledger = testLedger(3, [3], (event) => signEvent(event, { kid: 'k1', seed }));
    expect(naive(ledger).sound).toBe(true);
  });

  it.each(ATTACKS)('agrees when the attack is %s', (_what, attack) => {
    for (const size of [12, SIZE]) {
      const ledger = testLedger(size, [...SIZES.filter((one) => one < size), size]);
      attack(ledger);
      expectAgreement(ledger);
    }
  });

  it('agrees on generated mutations, one or several at once', () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const ledger = testLedger(SIZE, SIZES);
        for (const mutate of mutations) {
          try {
            mutate(ledger);
          } catch {
            fc.pre(false); // what a mutation before it has left cannot be changed this way
          }
        }
        // Where several were made at once, each may stand in for what another one did.
        expectAgreement(ledger, { located: mutations.length === 1 });
      }),
      { numRuns: MUTATIONS },
    );
  });
});
