import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { signEvent, verifierKey } from '../index.js';
import type { AnchorClaim, Break, LedgerEvent, VerificationReport, VerifierKey, VerifierOptions } from '../index.js';
import { KEY, ORIGIN, signedCheckpoint, testLedger, verified, verifiedBySegments } from './hostile-ledger.fixture.js';
import type { TestLedger } from './hostile-ledger.fixture.js';

const SEED_2 = new Uint8Array(32).fill(2);
const SEED_3 = new Uint8Array(32).fill(3);
const KEY_2 = verifierKey(ORIGIN, ed25519.getPublicKey(SEED_2));
const KEY_3 = verifierKey(ORIGIN, ed25519.getPublicKey(SEED_3));
const nameOf = ({ name, keyId }: VerifierKey): string => `${name}+${keyId}`;
const sha256Of = ({ publicKey }: VerifierKey): string => createHash('sha256').update(publicKey).digest('hex');

type Said = Pick<LedgerEvent, 'kind'> & { data: NonNullable<LedgerEvent['data']> };
const activated = (key: VerifierKey, from_size: number): Said => ({
  kind: 'key.activated',
  data: { key_id: key.keyId, purpose: 'note', public_key_sha256: sha256Of(key), from_size },
});
const retired = (key: VerifierKey, to_size: number): Said => ({
  kind: 'key.retired',
  data: { key_id: key.keyId, purpose: 'note', to_size },
});
const compromised = (key: VerifierKey, since_size: number): Said => ({
  kind: 'key.compromised',
  data: { key_id: key.keyId, purpose: 'note', since_size },
});

/** 30 entries, those at these places saying something of a key; checkpoints of [size, seed]. */
function ledgerWith(
  said: Record<number, Said>,
  checkpoints: readonly (readonly [number, Uint8Array<ArrayBuffer>?])[],
): TestLedger {
  let seq = 0;
  const ledger = testLedger(30, [], (event) => ({ ...event, ...said[seq++] }));
  const notes = checkpoints.map(([size, seed]) => signedCheckpoint(size, ledger.roots[size] as Uint8Array, seed));
  return { ...ledger, checkpoints: notes };
}
const keysOf = (pinned: VerifierOptions['keys']['pinned'], verifierKeys = [KEY, KEY_2]): VerifierOptions['keys'] => ({
  verifierKeys,
  pinned,
});
const FIRST = [nameOf(KEY)];
const told = ({ tier, breaks }: VerificationReport): unknown[] => [tier, ...breaks.map(toldBreak)];
const toldBreak = ({ class: kind, checkpoint, verdict }: Break): unknown[] => [kind, checkpoint, verdict];

describe('keys by tree size', () => {
  const rotation = { 0: activated(KEY, 0), 12: activated(KEY_2, 13) };
  const rotated = ledgerWith(rotation, [[5], [15], [20, SEED_2], [30, SEED_2]]);

  it('trust a later key that a pinned one covers', () => {
    const report = verified(rotated, { keys: keysOf(FIRST) });
    expect(report).toMatchObject({ tier: 'consistent', keys: 'pinned', breaks: [], unsealed: null });
    expect(report.keys_used).toEqual([nameOf(KEY), nameOf(KEY_2)]);
    for (const length of [1, 7, 30])
      expect(verifiedBySegments(rotated, { keys: keysOf(FIRST), length })).toEqual(report);
  });

  it('trust along a chain of rotations', () => {
    const ledger = ledgerWith({ ...rotation, 17: activated(KEY_3, 18) }, [[15], [20, SEED_2], [30, SEED_3]]);
    const keys = keysOf(FIRST, [KEY, KEY_2, KEY_3]);
    expect(verified(ledger, { keys })).toMatchObject({ tier: 'consistent', breaks: [], unsealed: null });
  });

  it('trust the ledger’s first key when only a later one is pinned', () => {
    const report = verified(rotated, { keys: keysOf([nameOf(KEY_2)]) });
    expect(report).toMatchObject({ tier: 'consistent', breaks: [], unsealed: null });
  });

  it('are those of the store itself when none is pinned', () => {
    expect(verified(rotated, { keys: keysOf(false) })).toMatchObject({
      tier: 'consistent',
      keys: 'unpinned',
      breaks: [],
    });
  });

  it('do not trust a key that nothing pins and no entry activates', () => {
    const ledger = ledgerWith({}, [[15], [30, SEED_2]]);
    expect(told(verified(ledger, { keys: keysOf(FIRST) }))).toEqual([
      'incomplete',
      ['key_unknown', 30, 'cannot_check'],
    ]);
    expect(verified(ledger, { keys: keysOf(FIRST) }).unsealed).toEqual({ from: 15, to: 29 });
  });

  it('do not trust a key whose activation no trusted key covers', () => {
    const ledger = ledgerWith(rotation, [[5], [20, SEED_2], [30, SEED_2]]);
    const report = verified(ledger, { keys: keysOf(FIRST) });
    expect(told(report)).toEqual(['incomplete', ['key_not_valid_then', 30, 'cannot_check']]);
    expect(report.reasons[0]).toContain('no checkpoint of a trusted key covers entry 12');
  });

  it('take no activation for a key of another public key', () => {
    const lie = { ...activated(KEY_2, 13), data: { ...activated(KEY_2, 13).data, public_key_sha256: sha256Of(KEY_3) } };
    const ledger = ledgerWith({ 12: lie }, [[15], [30, SEED_2]]);
    expect(told(verified(ledger, { keys: keysOf(FIRST) }))).toEqual([
      'incomplete',
      ['key_unknown', 30, 'cannot_check'],
    ]);
  });

  it('ignore what stands in a ledger about another one', () => {
    const other = { ...activated(KEY_2, 13), data: { ...activated(KEY_2, 13).data, ledger: 'other' } };
    const ledger = ledgerWith({ 12: other }, [[15], [30, SEED_2]]);
    expect(told(verified(ledger, { keys: keysOf(FIRST) }))).toEqual([
      'incomplete',
      ['key_unknown', 30, 'cannot_check'],
    ]);
  });

  it('name a checkpoint of a key before the old key covered its activation', () => {
    const ledger = ledgerWith(rotation, [[5], [14, SEED_2], [15], [20, SEED_2]]);
    expect(told(verified(ledger, { keys: keysOf(FIRST) }))).toEqual([
      'broken',
      ['key_not_valid_then', 14, 'inconsistent'],
    ]);
  });

  it('name a checkpoint of a key after the ledger retired it', () => {
    const ledger = ledgerWith({ ...rotation, 16: retired(KEY, 15) }, [[15], [20, SEED_2], [25], [30, SEED_2]]);
    expect(told(verified(ledger, { keys: keysOf(FIRST) }))).toEqual([
      'broken',
      ['key_not_valid_then', 25, 'inconsistent'],
    ]);
  });

  it('name it also where the entry that retires the key comes later', () => {
    const ledger = ledgerWith({ ...rotation, 28: retired(KEY, 15) }, [[15], [18], [20, SEED_2], [30, SEED_2]]);
    expect(told(verified(ledger, { keys: keysOf(FIRST) }))).toEqual([
      'broken',
      ['key_not_valid_then', 18, 'inconsistent'],
    ]);
  });

  it('prove nothing with a checkpoint that does not count', () => {
    const ledger = ledgerWith(rotation, [[5], [15], [20, SEED_2]]);
    ledger.checkpoints.push(signedCheckpoint(30, new Uint8Array(32), SEED_3));
    const keys = keysOf(FIRST, [KEY, KEY_2, KEY_3]);
    expect(told(verified(ledger, { keys }))).toEqual(['incomplete', ['key_unknown', 30, 'cannot_check']]);
  });

  describe('under a key that was compromised', () => {
    const anchor = ({ roots }: TestLedger, size: number, more: Partial<AnchorClaim> = {}): AnchorClaim => {
      const root = roots[size] as Uint8Array;
      return { kind: 'witness', name: 'w', size, root, independent: true, ...more };
    };
    const ledger = ledgerWith({ 20: compromised(KEY, 12) }, [[5], [10], [15], [30]]);
    const keys = keysOf(FIRST, [KEY]);

    it('only what an anchor dated earlier counts', () => {
      const without = verified(ledger, { keys });
      expect(told(without)).toEqual(['incomplete', ['key_not_valid_then', 30, 'cannot_check']]);
      expect(without.unsealed).toEqual({ from: 0, to: 29 });
      const anchored = verified(ledger, { keys, anchors: [anchor(ledger, 10)] });
      expect(anchored.unsealed).toEqual({ from: 10, to: 29 });
      expect(anchored.reasons[0]).toContain('compromised since size 12');
    });

    it('no anchor counts that is later, not independent, or of another root', () => {
      const wrong = [
        anchor(ledger, 15),
        anchor(ledger, 10, { independent: false }),
        anchor(ledger, 10, { time: Date.parse('2026-11-21T09:00:00.000Z') / 1000 }),
      ];
      for (const one of wrong) expect(verified(ledger, { keys, anchors: [one] }).unsealed).toEqual({ from: 0, to: 29 });
      const other = verified(ledger, { keys, anchors: [anchor(ledger, 10, { root: new Uint8Array(32) })] });
      expect(told(other)).toContainEqual(['anchor_mismatch', 10, 'proven_tampering']);
    });

    it('a later key that is pinned covers all', () => {
      const said = { ...rotation, 20: compromised(KEY, 12) };
      const rotatedAway = ledgerWith(said, [[10], [15], [22, SEED_2], [30, SEED_2]]);
      const pinned = verified(rotatedAway, { keys: keysOf([nameOf(KEY), nameOf(KEY_2)]) });
      expect(pinned).toMatchObject({ tier: 'consistent', breaks: [], unsealed: null });
      const unpinned = verified(rotatedAway, { keys: keysOf(FIRST) });
      expect(unpinned.tier).toBe('incomplete');
      expect(unpinned.unsealed).toEqual({ from: 0, to: 29 });
    });
  });

  it('hold for the signatures of single events', () => {
    const seed = new Uint8Array(32).fill(8);
    const publicKey = ed25519.getPublicKey(seed);
    const about = (kind: string, size: object): Said => ({ kind, data: { key_id: 'k1', purpose: 'event', ...size } });
    const ledgerOf = (said: Record<number, Said>): TestLedger => {
      let seq = 0;
      return testLedger(30, [30], (event) => signEvent({ ...event, ...said[seq++] }, { kid: 'k1', seed }));
    };
    const keys = { ...keysOf(FIRST), eventKeys: new Map([['k1', publicKey]]) };
    const toldOf = (said: Record<number, Said>): unknown[] =>
      verified(ledgerOf(said), { keys }).breaks.map(({ class: kind, from, to, verdict }) => [kind, from, to, verdict]);
    expect(toldOf({ 0: about('key.activated', { from_size: 0 }) })).toEqual([]);
    expect(toldOf({ 5: about('key.activated', { from_size: 5 }) })).toEqual([
      ['key_not_valid_then', 0, 4, 'inconsistent'],
    ]);
    expect(toldOf({ 9: about('key.compromised', { since_size: 7 }) })).toEqual([
      ['key_not_valid_then', 7, 29, 'cannot_check'],
    ]);
    expect(toldOf({ 9: about('key.retired', { to_size: 7 }) })).toEqual([]);
  });
});
