import { ed25519 } from '@noble/curves/ed25519.js';
import { LedgerVerifier, verifierKey } from '../index.js';
import type { VerificationReport } from '../index.js';
import {
  KEY,
  ORIGIN,
  SEED,
  TENANT,
  signedCheckpoint,
  testLedger,
  verified,
  verifiedBySegments,
} from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';

const SECOND = `${ORIGIN}/2`;
const KEY_2 = verifierKey(SECOND, ed25519.getPublicKey(SEED));
const keys = { verifierKeys: [KEY, KEY_2], pinned: true };

/** Reopened at seq 12: 8 entries were proven, 15 had been signed. */
function reopened(checkpoints: readonly [number, string][]): TestLedger {
  let seq = 0;
  const said = { kind: 'ledger.reopened', data: { ledger: 'acme', incarnation: 2, good_size: 8, signed_size: 15 } };
  const ledger = testLedger(40, [], (event) => (seq++ === 12 ? { ...event, ...said } : event));
  const root = (size: number): Uint8Array => ledger.roots[size] as Uint8Array;
  return {
    ...ledger,
    checkpoints: checkpoints.map(([size, origin]) => signedCheckpoint(size, root(size), SEED, origin, origin)),
  };
}
const told = ({ tier, breaks }: VerificationReport): unknown[] => [
  tier,
  ...breaks.map(({ class: kind, checkpoint, field }) => [kind, checkpoint, field]),
];

describe('a reopened ledger', () => {
  it('goes on under the next origin, and the report says what was lost', () => {
    const ledger = reopened([
      [8, ORIGIN],
      [14, SECOND],
      [40, SECOND],
    ]);
    const highWater = { origin: SECOND, size: 40, root: ledger.roots[40] as Uint8Array };
    const report = verified(ledger, { keys, highWater });
    expect(report).toMatchObject({ tier: 'consistent', breaks: [], unsealed: null, checkpoints: { matched: 3 } });
    expect(report.incarnations).toEqual([
      {
        incarnation: 2,
        origin: SECOND,
        from_seq: 12,
        good_size: 8,
        unproven: { from: 8, to: 11 },
        lost: { from: 12, to: 14 },
      },
    ]);
    for (const length of [7, 40]) expect(verifiedBySegments(ledger, { keys, highWater, length })).toEqual(report);
  });

  it('is good before the new incarnation has signed: it is marked at the size that it goes on from', () => {
    const ledger = reopened([[8, ORIGIN]]);
    const highWater = { origin: SECOND, size: 8, root: ledger.roots[8] as Uint8Array };
    expect(verified(ledger, { keys, highWater })).toMatchObject({ tier: 'consistent', breaks: [] });
    expect(verifiedBySegments(ledger, { keys, highWater, length: 7 }).breaks).toEqual([]);
    const lost = { ...ledger, entries: ledger.entries.slice(0, 12) };
    expect(told(verified(lost, { keys, highWater }))).toEqual(['broken', ['checkpoint_invalid', 8, 'origin']]);
    const options = { tenant: TENANT, origin: ORIGIN, keys, highWater };
    const before = new LedgerVerifier(options);
    for (const note of lost.checkpoints) before.checkpoint(note);
    for (const entry of lost.entries) before.entry(entry);
    const after = LedgerVerifier.resumed(options, before.state()!).finish();
    expect(told(after)).toEqual(['broken', ['checkpoint_invalid', 8, 'origin']]);
    const other = { ...highWater, root: ledger.roots[9] as Uint8Array };
    expect(verified(ledger, { keys, highWater: other }).tier).toBe('broken');
  });

  it('has no checkpoint of one incarnation among the sizes of the other', () => {
    const before = reopened([
      [8, SECOND],
      [40, SECOND],
    ]);
    expect(told(verified(before, { keys }))).toEqual(['broken', ['checkpoint_invalid', 8, 'origin']]);
    const after = reopened([
      [8, ORIGIN],
      [20, ORIGIN],
      [40, SECOND],
    ]);
    expect(told(verified(after, { keys }))).toEqual(['broken', ['checkpoint_invalid', 20, 'origin']]);
  });

  it('has no checkpoint of an incarnation that no entry opened, nor a key of another’s name', () => {
    const ledger = testLedger(10, []);
    const note = (origin: string, name: string): string =>
      signedCheckpoint(10, ledger.roots[10] as Uint8Array, SEED, origin, name);
    expect(told(verified({ ...ledger, checkpoints: [note(SECOND, SECOND)] }, { keys }))).toEqual([
      'broken',
      ['checkpoint_invalid', 10, 'origin'],
    ]);
    expect(told(verified({ ...ledger, checkpoints: [note(ORIGIN, SECOND)] }, { keys }))).toEqual([
      'incomplete',
      ['key_unknown', 10, undefined],
    ]);
  });
});
