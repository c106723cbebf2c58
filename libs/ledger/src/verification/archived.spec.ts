import { ed25519 } from '@noble/curves/ed25519.js';
import { LedgerVerifier, reportText, verifierKey } from '../index.js';
import type { ArchiveFault, LedgerEvent, VerificationReport, VerifierKey } from '../index.js';
import {
  at,
  eventOf,
  forgedEntry,
  KEY,
  ORIGIN,
  overwrite,
  rechain,
  TENANT,
  testLedger,
} from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';

const LOST = { from: 8, to: 15 };
const KEYS = { verifierKeys: [KEY], pinned: true };
const MISSING: ArchiveFault = {
  class: 'archive_missing',
  ...LOST,
  batch: 'b2',
  code: 'ARCHIVE.OBJECT_MISSING',
  reason: 'the store has no such object',
};

const leavesOf = ({ entries }: TestLedger): Uint8Array[] => entries.map(({ leaf_hash }) => leaf_hash);

/** Entries of `LOST` are not read; their leaf hashes are given instead. */
function verifiedWithout(
  ledger: TestLedger,
  { leaves = leavesOf(ledger), tell }: { leaves?: Uint8Array[]; tell: (verifier: LedgerVerifier) => void },
): VerificationReport {
  const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys: KEYS });
  for (const note of ledger.checkpoints) verifier.checkpoint(note);
  for (const entry of ledger.entries.filter(({ seq }) => seq < LOST.from)) verifier.entry(entry);
  verifier.batch({ batch: 'b1', from: 0, to: 7, read: true });
  tell(verifier);
  verifier.outsideLeaves(LOST.from, leaves.slice(LOST.from, LOST.to + 1));
  for (const entry of ledger.entries.filter(({ seq }) => seq > LOST.to)) verifier.entry(entry);
  return verifier.finish();
}

const missing = (verifier: LedgerVerifier): void => {
  verifier.batch({ batch: 'b2', ...LOST, read: false });
  verifier.archiveFault(MISSING);
};
const told = ({ tier, breaks }: VerificationReport): unknown[] => [
  tier,
  ...breaks.map(({ class: kind, seq, from, to }) => [kind, seq ?? [from, to]]),
];

describe('entries that only leaf tiles stand for', () => {
  const sizes = [4, 10, 12, 16, 24];
  const fresh = (attack: (ledger: TestLedger) => void = () => undefined): TestLedger => {
    const ledger = testLedger(24, sizes);
    attack(ledger);
    return ledger;
  };

  it('are named as missing, once, and everything around them is verified', () => {
    const report = verifiedWithout(fresh(), { tell: missing });
    expect(report).toMatchObject({
      tier: 'broken',
      breaks_total: 1,
      entries: { expected: 24, found: 16, verified: 16 },
      batches: { expected: 2, read: 1, verified: 1 },
      checkpoints: { checked: 5, matched: 5, not_comparable: 0 },
      range: { covered: { from: 0, to: 23 } },
    });
    const { reason, ...rest } = MISSING;
    expect(report.breaks[0]).toMatchObject({
      ...rest,
      verdict: 'inconsistent',
      last_good_seq: 7,
      first_good_seq_after: 16,
    });
    expect(report.breaks[0]?.reason).toBe(
      `${reason}; the leaf tiles, under a signed root, still prove what the entries hash to`,
    );
    expect(reportText(report)).toContain('- archive_missing from seq 8 to 15 (ARCHIVE.OBJECT_MISSING, batch b2): ');
  });

  it('are not verified, whatever is said of their batch', () => {
    const changed = (verifier: LedgerVerifier): void => {
      verifier.batch({ batch: 'b2', ...LOST, read: false });
      verifier.archiveFault({ ...MISSING, class: 'manifest_changed', code: 'ARCHIVE.MANIFEST_DIGEST' });
    };
    const report = verifiedWithout(fresh(), { tell: changed });
    expect(report.entries).toEqual({ expected: 24, found: 16, verified: 16 });
    expect(report.batches).toEqual({ expected: 2, read: 1, verified: 1 });
  });

  it('say so where no signed root is over them', () => {
    const report = verifiedWithout(testLedger(24, [4]), { tell: missing });
    expect(report.breaks[0]?.reason).toMatch(/; no signed root was compared over the leaf tiles/);
  });

  it('hide nothing that was done to the others', () => {
    const edited = fresh((l) => overwrite(at(l, 18), eventOf(77), false));
    expect(told(verifiedWithout(edited, { tell: missing }))).toEqual([
      'broken',
      ['archive_missing', [8, 15]],
      ['edited', 18],
    ]);
    const first = fresh((l) => overwrite(at(l, 16), eventOf(77), false));
    expect(told(verifiedWithout(first, { tell: missing }))).toContainEqual(['edited', 16]);
    const before = fresh((l) => overwrite(at(l, 7), eventOf(77), false));
    expect(told(verifiedWithout(before, { tell: missing }))).toContainEqual(['edited', 7]);
    const cut = fresh((l) => void l.entries.splice(20));
    expect(told(verifiedWithout(cut, { tell: missing }))).toContainEqual(['tail_cut', [20, 23]]);
    const rewritten = fresh((l) => {
      overwrite(at(l, 18), eventOf(77), true);
      rechain(l, 18);
    });
    // A root after the lost entries matched, so the tiles over them told the truth: it is the entries that lie.
    expect(told(verifiedWithout(rewritten, { tell: missing }))).toContainEqual(['edited', [16, 23]]);
  });

  it('do not accuse their neighbours when the tiles are wrong', () => {
    const ledger = fresh();
    const leaves = leavesOf(ledger);
    leaves[9] = forgedEntry(9, at(ledger, 8).chain_hash).leaf_hash;
    expect(told(verifiedWithout(ledger, { leaves, tell: missing }))).toEqual([
      'broken',
      ['tile_mismatch', [4, 9]],
      ['archive_missing', [8, 15]],
    ]);
  });

  it('are no break where their retention has ended, and not counted among those that are left', () => {
    const report = verifiedWithout(fresh(), { tell: (verifier) => verifier.retired(LOST) });
    expect(report).toMatchObject({
      tier: 'consistent',
      breaks: [],
      retired: [LOST],
      entries: { expected: 16, found: 16, verified: 16 },
      checkpoints: { matched: 5 },
    });
    expect(reportText(report)).toContain('retired      seq 8 to 15: only leaf hashes are left');
  });

  it('are counted once where a run that was taken up behind them tells again that they retired', () => {
    const ledger = fresh();
    const options = { tenant: TENANT, origin: ORIGIN, keys: KEYS };
    const first = new LedgerVerifier(options);
    for (const note of ledger.checkpoints) first.checkpoint(note);
    first.retired({ from: 0, to: 7 });
    first.retired({ from: 8, to: 15 });
    first.outsideLeaves(0, leavesOf(ledger).slice(0, 16));
    for (const entry of ledger.entries.slice(16)) first.entry(entry);
    const second = LedgerVerifier.resumed(options, first.state()!);
    second.retired({ from: 0, to: 7 });
    second.retired({ from: 8, to: 15 });
    expect(second.finish()).toMatchObject({
      tier: 'consistent',
      retired: [{ from: 0, to: 15 }],
      entries: { expected: 8, found: 8, verified: 8 },
    });
  });

  it('leave the report incomplete where nothing was told of them', () => {
    const report = verifiedWithout(fresh(), { tell: () => undefined });
    expect(report).toMatchObject({
      tier: 'incomplete',
      breaks: [],
      entries: { expected: 24, found: 16, verified: 16 },
    });
    expect(report.reasons).toEqual(['archived entries could not be read']);
  });
});

describe('faults of the archive', () => {
  const reported = (fault: Partial<ArchiveFault>): VerificationReport => {
    const ledger = testLedger(12, [12]);
    const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys: KEYS });
    for (const note of ledger.checkpoints) verifier.checkpoint(note);
    for (const entry of ledger.entries) verifier.entry(entry);
    verifier.batch({ batch: 'b1', from: 0, to: 7, read: true });
    verifier.archiveFault({ ...MISSING, from: 0, to: 7, batch: 'b1', ...fault });
    return verifier.finish();
  };

  it('prove tampering where a signed manifest is contradicted, and nothing where only a key is missing', () => {
    expect(reported({ class: 'archive_altered' })).toMatchObject({
      tier: 'broken',
      breaks: [{ class: 'archive_altered', verdict: 'proven_tampering' }],
      batches: { expected: 1, read: 1, verified: 0 },
    });
    expect(reported({ class: 'manifest_changed' }).breaks[0]?.verdict).toBe('inconsistent');
    expect(reported({ class: 'cannot_read', code: 'ARCHIVE.KEY_MISSING' })).toMatchObject({
      tier: 'incomplete',
      breaks: [{ code: 'ARCHIVE.KEY_MISSING', verdict: 'cannot_check' }],
    });
  });

  it('count a batch as read by what was told of it last', () => {
    const ledger = testLedger(12, [12]);
    const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys: KEYS });
    for (const read of [true, false]) verifier.batch({ batch: 'b1', from: 0, to: 7, read });
    for (const entry of ledger.entries) verifier.entry(entry);
    expect(verifier.finish().batches).toEqual({ expected: 1, read: 0, verified: 0 });
  });

  it('do not count the entries of a batch as bad where only its manifest is', () => {
    expect(reported({ class: 'manifest_changed' }).entries.verified).toBe(12);
    expect(reported({ class: 'archive_altered' }).entries.verified).toBe(4);
  });
});

describe('who signed the manifests', () => {
  const OTHER = verifierKey(ORIGIN, ed25519.getPublicKey(new Uint8Array(32).fill(9)));
  const nameOf = ({ name, keyId }: VerifierKey): string => `${name}+${keyId}`;

  const signedBy = (...signers: string[]): VerificationReport => {
    const ledger = testLedger(12, [12]);
    const keys = { verifierKeys: [KEY, OTHER], pinned: [nameOf(KEY)] };
    const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys });
    for (const note of ledger.checkpoints) verifier.checkpoint(note);
    for (const entry of ledger.entries) verifier.entry(entry);
    signers.forEach((signer, at) => verifier.manifest({ signer, from: at * 4, to: at * 4 + 3, size: 12 }));
    return verifier.finish();
  };

  it('has to be a key that counts', () => {
    expect(signedBy(nameOf(KEY), nameOf(KEY)).breaks).toEqual([]);
    const { tier, breaks } = signedBy(nameOf(KEY), nameOf(OTHER), nameOf(OTHER));
    expect(tier).toBe('incomplete');
    expect(breaks).toEqual([
      expect.objectContaining({
        class: 'key_not_valid_then',
        field: 'manifest',
        from: 4,
        to: 11,
        verdict: 'cannot_check',
      }),
    ]);
    expect(signedBy('nobody+00000000').tier).toBe('incomplete');
  });

  it('is vouched for by a later manifest of one that does, which is linked to it', () => {
    expect(signedBy(nameOf(OTHER), nameOf(KEY)).breaks).toEqual([]);
  });

  it.each([
    ['retired below the size of the covering checkpoint', 'retired', { to_size: 8 }, 'inconsistent'],
    ['compromised', 'compromised', { since_size: 4 }, 'cannot_check'],
  ] as const)('is told when the key is %s', (_what, act, data, verdict) => {
    const says = (event: LedgerEvent): LedgerEvent =>
      event.data?.['attempt'] !== 5
        ? event
        : { ...event, kind: `key.${act}`, data: { key_id: KEY.keyId, purpose: 'note', ...data } };
    const ledger = testLedger(12, [8, 12], says);
    const verifier = new LedgerVerifier({ tenant: TENANT, origin: ORIGIN, keys: KEYS });
    for (const note of ledger.checkpoints) verifier.checkpoint(note);
    for (const entry of ledger.entries) verifier.entry(entry);
    verifier.manifest({ signer: nameOf(KEY), from: 0, to: 3, size: 12 });
    const found = verifier.finish().breaks.filter(({ field }) => field === 'manifest');
    expect(found).toEqual([expect.objectContaining({ class: 'key_not_valid_then', from: 0, to: 3, verdict })]);
  });
});
