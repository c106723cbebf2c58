import { RFC6962, SIGNED_NOTE } from './rfc6962.fixture.js';
import {
  bytesOfHex,
  consistencyProof,
  EMPTY_ROOT,
  formatCheckpoint,
  formatProof,
  hexOf,
  inclusionProof,
  leafHash,
  noteSigner,
  parseVerifierKey,
  rootOf,
  signNote,
  verifierKey,
  verifyNote,
  verifyProof,
} from './index.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { utf8 } from './bytes.js';

// What a browser gets: the default condition of `#sha256`, and no `node:` module at all.
jest.mock('#sha256', () => jest.requireActual<object>('./sha256.web.js'));
jest.mock('node:crypto', () => {
  throw new Error('there is no node:crypto here');
});

describe('libs/ledger without Node', () => {
  it('has no node:crypto, and none of it wants one', async () => {
    await expect(import('node:crypto')).rejects.toThrow('there is no node:crypto here');
  });

  it('gives the public test values', () => {
    const leaves = RFC6962.leaves_hex.map((leaf) => leafHash(bytesOfHex(leaf) as Uint8Array));
    expect(hexOf(EMPTY_ROOT)).toBe(RFC6962.empty_root);
    for (const [size, root] of Object.entries(RFC6962.roots_by_size)) {
      expect(hexOf(rootOf(leaves.slice(0, Number(size))))).toBe(root);
    }
    for (const { index, size, path } of RFC6962.inclusion) {
      expect(inclusionProof(leaves.slice(0, size), index).map(hexOf)).toEqual(path);
    }
    for (const { from, to, path } of RFC6962.consistency) {
      expect(consistencyProof(leaves.slice(0, to), from).map(hexOf)).toEqual(path);
    }
    const note = `${SIGNED_NOTE.text}\n${SIGNED_NOTE.signature_line}\n`;
    expect(verifyNote(note, [parseVerifierKey(SIGNED_NOTE.verifier_key)]).text).toBe(SIGNED_NOTE.text);
  });

  it('verifies a proof file', () => {
    const [origin, seed] = ['example.org/log', new Uint8Array(32).fill(3)];
    const leaves = ['a', 'b', 'c'].map((entry) => leafHash(utf8(entry)));
    const checkpoint = signNote(formatCheckpoint({ origin, size: 3, root: rootOf(leaves) }), noteSigner(origin, seed));
    const text = formatProof({ index: 1, proof: inclusionProof(leaves, 1), checkpoint });
    const verifierKeys = [verifierKey(origin, ed25519.getPublicKey(seed))];
    expect(verifyProof({ text, leafHash: leaves[1] as Uint8Array, verifierKeys }).size).toBe(3);
  });
});
