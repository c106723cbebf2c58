import fc from 'fast-check';
import { LedgerVerifier } from '../index.js';
import type { AnchorClaim, VerificationReport, VerifierOptions, VerifierState } from '../index.js';
import { codeOf } from '../thrown-code.fixture.js';
import { ATTACKS, set } from './attacks.fixture.js';
import { at, KEY, ORIGIN, segmentDigest, TENANT, testLedger, verified } from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';

const LENGTH = 20;
const SIZES = [7, 20, 33, 60];
const anchorAt = ({ roots }: TestLedger, size: number): AnchorClaim => ({
  kind: 'object_store',
  name: 'elsewhere',
  size,
  root: roots[size] as Uint8Array,
  independent: true,
});

/** By segments of 20, each by another verifier that goes on from the state of the one before, where there is one. */
function verifiedInTurns(
  ledger: TestLedger,
  options: VerifierOptions,
  anchors: readonly AnchorClaim[],
): [VerificationReport, number] {
  let verifier = new LedgerVerifier(options);
  for (const anchor of anchors) verifier.anchor(anchor);
  const notes = [...ledger.checkpoints];
  let resumptions = 0;
  for (let from = 0; from < ledger.entries.length; from += LENGTH) {
    const run = ledger.entries.slice(from, from + LENGTH);
    while (notes[0] !== undefined && Number(notes[0].split('\n')[1]) <= from + LENGTH)
      verifier.checkpoint(notes.shift());
    const digest = segmentDigest(run, { tenant: TENANT, sizes: [...SIZES, 14, 50] });
    if (!digest || !verifier.segment(digest)) for (const document of run) verifier.entry(document);
    const state = verifier.state();
    if (state === undefined) continue;
    verifier = LedgerVerifier.resumed(options, JSON.parse(JSON.stringify(state)) as VerifierState);
    for (const anchor of anchors) verifier.anchor(anchor);
    resumptions += 1;
  }
  for (const note of notes) verifier.checkpoint(note);
  return [verifier.finish(), resumptions];
}

describe('a resumed verifier', () => {
  const keys = { verifierKeys: [KEY], pinned: true };

  it('gives the report of one that was never interrupted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.boolean(), (size, marked) => {
        const sizes = SIZES.filter((one) => one <= size);
        const ledger = testLedger(size, sizes);
        const options = {
          tenant: TENANT,
          origin: ORIGIN,
          keys,
          ...(marked && { highWater: { origin: ORIGIN, size, root: ledger.roots[size]! } }),
        };
        const anchors = [14, 50].filter((one) => one <= size).map((one) => anchorAt(ledger, one));
        const [report, resumptions] = verifiedInTurns(ledger, options, anchors);
        expect(report).toEqual(verified(ledger, { ...options, anchors }));
        expect(resumptions).toBe(Math.ceil(size / LENGTH));
      }),
      { numRuns: 25 },
    );
  });

  it.each(ATTACKS)('finds the same when the attack is %s', (_what, attack) => {
    const ledger = testLedger(70, [...SIZES, 70]);
    const later = { ...ledger, entries: ledger.entries.splice(25) };
    attack(later);
    ledger.entries.push(...later.entries);
    const placed = [...ledger.entries].sort(
      (a, b) => (Number.isFinite(a?.seq) ? a.seq : -1) - (Number.isFinite(b?.seq) ? b.seq : -1),
    );
    const sorted = { ...ledger, entries: placed };
    const [report] = verifiedInTurns(sorted, { tenant: TENANT, origin: ORIGIN, keys }, []);
    expect(report).toEqual(verified(sorted));
    expect(report.tier).toBe('broken');
  });

  it('has no state once something was found', () => {
    const ledger = testLedger(30, []);
    set(at(ledger, 3), 'kind', 'job.deleted');
    const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys });
    for (const document of ledger.entries) verifier.entry(document);
    expect(verifier.state()).toBeUndefined();
  });

  it('refuses the state of another ledger', () => {
    const state = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys }).state() as VerifierState;
    const other = { tenant: 'other', origin: ORIGIN, keys };
    expect(codeOf(() => LedgerVerifier.resumed(other, state))).toBe('LEDGER.STATE_MISMATCH');
  });
});
