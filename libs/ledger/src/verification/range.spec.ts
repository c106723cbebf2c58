import fc from 'fast-check';
import { LedgerVerifier, subtreeRootsFrom, tileWidthAt } from '../index.js';
import type { HashTiles, SeqRange, VerificationReport } from '../index.js';
import { at, eventOf, KEY, ORIGIN, overwrite, rechain, TENANT, testLedger } from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';
import { naiveRoot } from './naive-verifier.fixture.js';

/** Tiles of level 0 and 1 of these leaves, as a store holds them. */
const tilesOver = (leaves: readonly Uint8Array[]): HashTiles => ({
  tile: async (level, index, width) => {
    const span = 256 ** level;
    expect(width).toBe(tileWidthAt({ level, index, size: leaves.length }));
    return Array.from({ length: width }, (_, place) => {
      const from = (index * 256 + place) * span;
      return naiveRoot(leaves.slice(from, from + span));
    });
  },
});

const leavesOf = ({ entries }: TestLedger): Uint8Array[] => entries.map(({ leaf_hash }) => leaf_hash);

/** Reads the entries of the range, and takes the rest of the tree of `size` from tiles of these leaves. */
async function verifiedRange(
  ledger: TestLedger,
  range: SeqRange,
  leaves = leavesOf(ledger),
): Promise<VerificationReport> {
  const size = leaves.length;
  const tiles = tilesOver(leaves);
  const keys = { verifierKeys: [KEY], pinned: true };
  const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys, range });
  for (const note of ledger.checkpoints) verifier.checkpoint(note);
  const outside = async (from: number, to: number): Promise<void> => {
    if (to > from) verifier.outside({ from, to, nodes: await subtreeRootsFrom(tiles, { from, to, size }) });
  };
  await outside(0, range.from);
  for (const entry of ledger.entries) if (entry.seq >= range.from && entry.seq <= range.to) verifier.entry(entry);
  await outside(range.to + 1, size);
  return verifier.finish();
}

describe('a part of a ledger', () => {
  const ledger = testLedger(300, [300]);

  it('is verified without reading the rest, for every part', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(299), fc.nat(299), async (one, other) => {
        const range = { from: Math.min(one, other), to: Math.max(one, other) };
        const report = await verifiedRange(ledger, range);
        const length = range.to - range.from + 1;
        expect(report).toMatchObject({
          tier: 'consistent',
          breaks: [],
          range: { asked: range, covered: range },
          entries: { expected: length, found: length, verified: length },
          checkpoints: { checked: 1, matched: 1 },
          unsealed: null,
        });
      }),
      { numRuns: 30 },
    );
  });

  const attacked = (attack: (ledger: TestLedger) => void): TestLedger => {
    const fresh = testLedger(300, [300]);
    attack(fresh);
    return fresh;
  };
  const told = async (range: SeqRange, attack: (ledger: TestLedger) => void): Promise<unknown[]> => {
    const { tier, breaks } = await verifiedRange(attacked(attack), range, leavesOf(ledger));
    return [tier, ...breaks.map(({ class: kind, seq, from, to }) => [kind, seq ?? [from, to]])];
  };
  const range = { from: 100, to: 150 };

  it('shows an edit within, and none without', async () => {
    expect(await told(range, (l) => (at(l, 120).job_id = 'job-x'))).toEqual(['broken', ['index_mismatch', 120]]);
    expect(await told(range, (l) => (at(l, 90).job_id = 'job-x'))).toEqual(['consistent']);
    expect(await told(range, (l) => overwrite(at(l, 120), eventOf(77), false))).toEqual(['broken', ['edited', 120]]);
    expect(await told(range, (l) => l.entries.splice(120, 2))).toEqual(['broken', ['deleted', [120, 121]]]);
  });

  it('shows what was done to its first and its last entry', async () => {
    expect(await told(range, (l) => overwrite(at(l, 100), eventOf(77), false))).toEqual(['broken', ['edited', 100]]);
    expect(await told(range, (l) => overwrite(at(l, 150), eventOf(77), false))).toEqual(['broken', ['edited', 150]]);
    expect(await told(range, (l) => l.entries.splice(100, 1))).toEqual(['broken', ['deleted', 100]]);
    expect(await told(range, (l) => l.entries.splice(150, 1))).toEqual(['broken', ['deleted', 150]]);
  });

  it('cannot tell a rewritten part from wrong tiles around it', async () => {
    const rewritten = (l: TestLedger): void => {
      overwrite(at(l, 120), eventOf(77), true);
      rechain(l, 120);
    };
    expect(await told(range, rewritten)).toEqual(['broken', ['tile_mismatch', [0, 299]]]);
  });

  it('that begins after the last entry says so, and not that it is good', async () => {
    const keys = { verifierKeys: [KEY], pinned: true };
    const range = { from: 300, to: 400 };
    const passed = async (highWater?: {
      origin: string;
      size: number;
      root: Uint8Array;
    }): Promise<VerificationReport> => {
      const options = { tenant: TENANT, origin: ORIGIN, keys, range, ...(highWater && { highWater }) };
      const verifier = new LedgerVerifier(options);
      for (const note of ledger.checkpoints) verifier.checkpoint(note);
      const tiles = tilesOver(leavesOf(ledger));
      verifier.outside({ from: 0, to: 300, nodes: await subtreeRootsFrom(tiles, { from: 0, to: 300, size: 300 }) });
      return verifier.finish();
    };
    const report = await passed();
    expect(report).toMatchObject({ tier: 'incomplete', breaks: [], range: { asked: range, covered: null } });
    expect(report.reasons).toEqual(['no entry of the range is there']);
    const cut = await passed({ origin: ORIGIN, size: 350, root: new Uint8Array(32) });
    expect(cut).toMatchObject({ tier: 'broken', breaks: [{ class: 'rolled_back', from: 300, to: 349 }] });
  });

  it('says so when no signed root was compared over it', () => {
    const keys = { verifierKeys: [KEY], pinned: true };
    const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys, range: { from: 0, to: 9 } });
    for (const note of ledger.checkpoints) verifier.checkpoint(note);
    for (const entry of ledger.entries.slice(0, 10)) verifier.entry(entry);
    const report = verifier.finish();
    expect(report).toMatchObject({ tier: 'incomplete', breaks: [], range: { covered: { from: 0, to: 9 } } });
    expect(report.reasons).toEqual(['no signed root was compared over the range']);
  });
});
