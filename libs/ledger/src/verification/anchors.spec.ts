import type { AnchorClaim, VerificationReport } from '../index.js';
import {
  at,
  eventOf,
  KEY,
  overwrite,
  rechain,
  signedCheckpoint,
  testLedger,
  tilesOf,
  verified,
} from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';
import { naiveRoot } from './naive-verifier.fixture.js';

const SIZE = 20;
const anchorOf = ({ roots }: TestLedger, size: number, more: Partial<AnchorClaim> = {}): AnchorClaim => ({
  kind: 'object_store',
  name: 'elsewhere',
  size,
  root: roots[size] as Uint8Array,
  independent: true,
  ...more,
});
const told = ({ tier, breaks }: VerificationReport): unknown[] => [
  tier,
  ...breaks.map(({ class: kind, from, to, verdict }) => [kind, from, to, verdict]),
];
/** What whoever holds the note key can do: every entry, hash and checkpoint anew. */
function forgedFrom(ledger: TestLedger, seq: number): TestLedger {
  overwrite(at(ledger, seq), eventOf(700), true);
  rechain(ledger, seq);
  const leaves = ledger.entries.map(({ leaf_hash }) => leaf_hash);
  const checkpoints = [8, 14, SIZE].map((size) => signedCheckpoint(size, naiveRoot(leaves.slice(0, size))));
  return { ...ledger, checkpoints };
}

describe('anchors', () => {
  const ledger = testLedger(SIZE, [8, 14, SIZE]);

  it('make the tier when an independent one matches under pinned keys, up to their size', () => {
    const report = verified(ledger, { anchors: [anchorOf(ledger, 5), anchorOf(ledger, 14, { time: 1_795_251_600 })] });
    expect(report).toMatchObject({ tier: 'anchored', anchored_size: 14, breaks: [] });
    expect(report.anchors).toEqual([
      { kind: 'object_store', name: 'elsewhere', size: 5, independent: true, matched: true },
      {
        kind: 'object_store',
        name: 'elsewhere',
        size: 14,
        time: '2026-11-21T09:00:00.000Z',
        independent: true,
        matched: true,
      },
    ]);
  });

  it('make no tier in the same trust domain, of nothing, or under keys of the store itself', () => {
    const own = [anchorOf(ledger, 14, { independent: false })];
    expect(verified(ledger, { anchors: own })).toMatchObject({ tier: 'consistent', anchored_size: 0 });
    expect(verified(ledger, { anchors: [anchorOf(ledger, 0)] })).toMatchObject({
      tier: 'consistent',
      anchored_size: 0,
    });
    const keys = { verifierKeys: [KEY], pinned: false };
    expect(verified(ledger, { keys, anchors: [anchorOf(ledger, 14)] })).toMatchObject({
      tier: 'consistent',
      keys: 'unpinned',
    });
  });

  it('show a history that the key holder wrote anew, between the last that matches and the first that does not', () => {
    const forged = forgedFrom(testLedger(SIZE, []), 10);
    expect(told(verified(forged))).toEqual(['consistent']);
    const anchors = [6, 9, 14, SIZE].map((size) => anchorOf(ledger, size));
    expect(told(verified(forged, { anchors }))).toEqual(['broken', ['anchor_mismatch', 9, 13, 'proven_tampering']]);
  });

  it('name the seq with an anchored leaf tile, also against stored tiles and checkpoints written anew', () => {
    const forged = forgedFrom(testLedger(SIZE, []), 10);
    const tiles = [...tilesOf(forged, 4), ...tilesOf(ledger, 4, 'anchored')];
    const anchors = [14, SIZE].map((size) => anchorOf(ledger, size));
    const report = verified({ ...forged, tiles }, { anchors });
    expect(report.breaks).toMatchObject([{ class: 'edited', seq: 10, verdict: 'proven_tampering', located: 'seq' }]);
    expect(report.breaks[0]?.reason).toContain('by the anchored leaf tile');
  });

  it('that do not match and are not independent prove nothing', () => {
    const forged = forgedFrom(testLedger(SIZE, []), 10);
    const anchors = [anchorOf(ledger, 14, { independent: false })];
    expect(told(verified(forged, { anchors }))).toEqual(['broken', ['anchor_mismatch', 0, 13, 'inconsistent']]);
  });

  it('show a store that was set back to before them, checkpoints and all', () => {
    const cut = { ...ledger, entries: ledger.entries.slice(0, 8), checkpoints: ledger.checkpoints.slice(0, 1) };
    expect(told(verified(cut))).toEqual(['consistent']);
    expect(told(verified(cut, { anchors: [anchorOf(ledger, 14)] }))).toEqual([
      'broken',
      ['rolled_back', 8, 13, 'proven_tampering'],
    ]);
  });

  it('are not held against an entry that was crudely edited where its leaf hash is left', () => {
    const edited = testLedger(SIZE, [8, 14, SIZE]);
    overwrite(at(edited, 10), eventOf(700), false);
    const report = verified(edited, { anchors: [anchorOf(ledger, 14)] });
    expect(report.breaks.map(({ class: kind, seq }) => [kind, seq])).toEqual([['edited', 10]]);
    expect(report.anchors[0]).toMatchObject({ matched: true });
  });
});

describe('what is no tampering with entries', () => {
  it('names the checkpoint and no entry where the entries have the later of two signed roots', () => {
    const ledger = testLedger(SIZE, [SIZE]);
    ledger.checkpoints.unshift(signedCheckpoint(8, new Uint8Array(32)));
    const { tier, breaks } = verified(ledger);
    expect([tier, ...breaks.map((found) => [found.class, found.checkpoint])]).toEqual(['broken', ['forked', 8]]);
    expect(breaks[0]?.reason).toContain('contradicts the signed checkpoint of size 20, which the entries agree with');
  });

  it('is called inconsistent: columns and hash fields beside bytes that a signed root is over', () => {
    const ledger = testLedger(SIZE, [SIZE]);
    Object.assign(at(ledger, 3), { kind: 'job.deleted' });
    Object.assign(at(ledger, 5), { leaf_hash: new Uint8Array(32) });
    Object.assign(at(ledger, 7), { _id: 'acme:0000000000000099' });
    expect(new Set(verified(ledger).breaks.map(({ verdict }) => verdict))).toEqual(new Set(['inconsistent']));
  });
});
