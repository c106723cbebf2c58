import fc from 'fast-check';
import { ed25519 } from '@noble/curves/ed25519.js';
import { parseEvent, signEvent, type LedgerEvent } from '../index.js';
import { ATTACKS, set } from './attacks.fixture.js';
import {
  at,
  KEY,
  segmentDigest,
  TENANT,
  testLedger,
  tilesOf,
  verified,
  verifiedBySegments,
} from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';

const SIZES = [4, 8, 30, 50];
const LENGTHS = [1, 18, 33];

describe('segments', () => {
  it('are taken whole in a clean ledger of any size, with the report of the entries one by one', () => {
    fc.assert(
      fc.property(
        fc.nat(90),
        fc.integer({ min: 1, max: 60 }),
        fc.uniqueArray(fc.nat(90), { maxLength: 5 }),
        (size, length, sizes) => {
          const checkpoints = sizes.filter((one) => one <= size).sort((a, b) => a - b);
          const ledger = testLedger(size, checkpoints);
          const taken: boolean[] = [];
          const report = verifiedBySegments(ledger, { length, taken: (whole) => taken.push(whole) });
          expect(report).toEqual(verified(ledger));
          expect(taken).not.toContain(false);
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each(ATTACKS)('give the same report when the attack is %s', (_what, attack) => {
    const ledger = testLedger(70, SIZES);
    attack(ledger);
    const expected = verified(ledger);
    for (const length of LENGTHS) expect(verifiedBySegments(ledger, { length })).toEqual(expected);
  });

  it('give the same report for two attacks at any two places', () => {
    const attacks = fc.constantFrom(...ATTACKS.map(([, attack]) => attack));
    fc.assert(
      fc.property(
        attacks,
        attacks,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 14, max: 40 }),
        (one, other, length, start) => {
          const ledger = testLedger(60, SIZES);
          const rest = { ...ledger, entries: ledger.entries.splice(start) };
          one(ledger);
          other(rest);
          ledger.entries.push(...rest.entries);
          expect(verifiedBySegments(ledger, { length })).toEqual(verified(ledger));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('carry what is said of single events: unknown keys and faults of form', () => {
    const seed = new Uint8Array(32).fill(8);
    const ledger = testLedger(50, [50], (event) => signEvent(event, { kid: `k${event.id.at(-1)}`, seed }));
    const keys = { verifierKeys: [KEY], pinned: true, eventKeys: new Map() };
    const report = verifiedBySegments(ledger, { length: 23, keys });
    expect(report.breaks).toHaveLength(16);
    expect(report).toEqual(verified(ledger, { keys }));
  });

  describe('of documents that were just made, with their events', () => {
    const seed = new Uint8Array(32).fill(8);
    const eventKeys = new Map([['known', ed25519.getPublicKey(seed)]]);
    const reopened = { incarnation: 2, good_size: 3, signed_size: 5 };
    const activated = { purpose: 'note', key_id: 'k1', public_key_sha256: 'ab'.repeat(32), from_size: 4 };
    const kinds: ((event: LedgerEvent) => LedgerEvent)[] = [
      (event) => event,
      (event) => signEvent(event, { kid: 'known', seed }),
      (event) => signEvent(event, { kid: 'unknown', seed }),
      (event) => ({ ...event, kind: 'key.activated', data: activated }),
      (event) => ({ ...event, kind: 'ledger.reopened', data: reopened }),
    ];
    const sealed = (event: LedgerEvent): LedgerEvent => kinds[parseInt(event.id.slice(-2), 16) % kinds.length]!(event);
    const ledger = testLedger(50, [], sealed);
    const options = { tenant: TENANT, eventKeys, sizes: SIZES, tiles: tilesOf(ledger, 5) };
    const eventsOf = ({ entries }: TestLedger): Map<object, LedgerEvent> =>
      new Map(entries.map((entry) => [entry, parseEvent(entry.bytes)]));

    it('give the digest that reading them gives', () => {
      const digest = segmentDigest(ledger.entries, options);
      expect(segmentDigest(ledger.entries, options, eventsOf(ledger))).toEqual(digest);
      const { kids, statements, reopenings } = digest!;
      expect([kids, statements, reopenings].map(({ length }) => length)).not.toContain(0);
    });

    it('give it without reading the bytes again', () => {
      const other = testLedger(50, [], sealed);
      const events = eventsOf(other);
      for (const entry of other.entries) entry.bytes = new Uint8Array();
      expect(segmentDigest(other.entries, options, events)).toEqual(segmentDigest(ledger.entries, options));
      expect(segmentDigest(other.entries, options)).toBeUndefined();
    });

    it('give none where a signature does not hold, or a tile has another leaf', () => {
      const forged = testLedger(50, [], (event) => signEvent(event, { kid: 'known', seed: seed.map(() => 9) }));
      const unsigned = { tenant: TENANT, sizes: [] };
      const events = eventsOf(forged);
      expect(segmentDigest(forged.entries, unsigned, events)).toBeDefined();
      expect(segmentDigest(forged.entries, { ...unsigned, eventKeys }, events)).toBeUndefined();
      expect(segmentDigest(forged.entries, { ...unsigned, tiles: options.tiles }, events)).toBeUndefined();
    });
  });

  it('are not digested when a document is not clean', () => {
    const { entries } = testLedger(30, []);
    const digest = (change: (ledger: TestLedger) => unknown): unknown => {
      const ledger = testLedger(30, []);
      change(ledger);
      return segmentDigest(ledger.entries, { tenant: TENANT, sizes: [] });
    };
    expect(segmentDigest(entries, { tenant: TENANT, sizes: [] })).toMatchObject({ from: 0, to: 29 });
    expect(digest((l) => set(at(l, 9), 'kind', 'job.deleted'))).toBeUndefined();
    expect(digest((l) => set(at(l, 9), 'chain_hash', new Uint8Array(32)))).toBeUndefined();
    expect(digest((l) => l.entries.splice(9, 1))).toBeUndefined();
    expect(digest((l) => l.entries.splice(0))).toBeUndefined();
    expect(segmentDigest(entries, { tenant: 'other', sizes: [] })).toBeUndefined();
  });
});
