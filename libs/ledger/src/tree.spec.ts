import fc from 'fast-check';
import { sha256 as webSha256 } from './sha256.web.js';
import {
  bytesOfHex,
  chainHash,
  CompactRange,
  consistencyProof,
  EMPTY_ROOT,
  genesisHash,
  hexOf,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './index.js';
import { mth, path, proof as subproof, sha } from './naive-tree.fixture.js';
import { RFC6962 } from './rfc6962.fixture.js';
import { codeOf } from './thrown-code.fixture.js';

const hex = (text: string): Uint8Array => bytesOfHex(text) as Uint8Array;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const leavesOf = (size: number): Uint8Array[] => Array.from({ length: size }, (_, i) => leafHash(ascii(`leaf ${i}`)));
const flip = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 7 ? byte ^ 4 : byte));

describe('hashes', () => {
  it('are those of public RFC 6962 implementations', () => {
    expect(hexOf(EMPTY_ROOT)).toBe(RFC6962.empty_root);
    for (const [leaf, hash] of Object.entries(RFC6962.leaf_hashes)) expect(hexOf(leafHash(ascii(leaf)))).toBe(hash);
    const { left, right, hash } = RFC6962.node_hash;
    expect(hexOf(sha(Uint8Array.of(1), ascii(left), ascii(right)))).toBe(hash);
    const leaves = RFC6962.leaves_hex.map((leaf) => leafHash(hex(leaf)));
    for (const [size, root] of Object.entries(RFC6962.roots_by_size))
      expect(hexOf(rootOf(leaves.slice(0, Number(size))))).toBe(root);
    for (const { index, size, path: proof } of RFC6962.inclusion) {
      expect(inclusionProof(leaves.slice(0, size), index).map(hexOf)).toEqual(proof);
    }
    for (const { from, to, path: proof } of RFC6962.consistency) {
      expect(consistencyProof(leaves.slice(0, to), from).map(hexOf)).toEqual(proof);
    }
  });

  it('prefix chain links with 0x02 and start from the origin', () => {
    const [a, b] = [sha(ascii('a')), sha(ascii('b'))];
    expect(hexOf(chainHash(a, b))).toBe(hexOf(sha(Uint8Array.of(2), a, b)));
    expect(hexOf(genesisHash('example.org/ledger/acme'))).toBe(hexOf(sha(ascii('example.org/ledger/acme'))));
    expect(codeOf(() => nodeHash(a, b.subarray(1)))).toBe('LEDGER.HASH_LENGTH');
  });

  it('are the same in a browser', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
        expect(hexOf(webSha256(bytes))).toBe(hexOf(sha(bytes))),
      ),
    );
  });
});

describe('trees and proofs', () => {
  it('agree with the recursive definitions, and verify', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 130 }), fc.nat(), fc.nat(), (size, a, b) => {
        const leaves = leavesOf(size);
        const [index, from] = [a % size, b % (size + 1)];
        const root = mth(leaves);
        expect(hexOf(rootOf(leaves))).toBe(hexOf(root));
        const proof = inclusionProof(leaves, index);
        expect(proof.map(hexOf)).toEqual(path(index, leaves).map(hexOf));
        verifyInclusion({ leafHash: leaves[index] as Uint8Array, index, size, proof, root });
        const growth = consistencyProof(leaves, from);
        expect(growth.map(hexOf)).toEqual(subproof(from, leaves).map(hexOf));
        verifyConsistency({ from, to: size, fromRoot: mth(leaves.slice(0, from)), toRoot: root, proof: growth });
      }),
    );
  });

  it.each([[1], [2], [7], [8], [13], [64]])('refuse every wrong inclusion proof of size %i', (size) => {
    const leaves = leavesOf(size);
    const root = rootOf(leaves);
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(leaves, index);
      const claim = { leafHash: leaves[index] as Uint8Array, index, size, proof, root };
      proof.forEach((hash, i) => {
        expect(codeOf(() => verifyInclusion({ ...claim, proof: proof.with(i, flip(hash)) }))).toBe(
          'LEDGER.ROOT_MISMATCH',
        );
        expect(codeOf(() => verifyInclusion({ ...claim, proof: proof.with(i, hash.subarray(1)) }))).toBe(
          'LEDGER.HASH_LENGTH',
        );
        if (i > 0) {
          const swapped = proof.with(i, proof[i - 1] as Uint8Array).with(i - 1, hash);
          expect(codeOf(() => verifyInclusion({ ...claim, proof: swapped }))).toBe('LEDGER.ROOT_MISMATCH');
        }
      });
      if (proof.length > 0)
        expect(codeOf(() => verifyInclusion({ ...claim, proof: proof.slice(1) }))).toBe('LEDGER.PROOF_LENGTH');
      expect(codeOf(() => verifyInclusion({ ...claim, proof: [...proof, root] }))).toBe('LEDGER.PROOF_LENGTH');
      expect(codeOf(() => verifyInclusion({ ...claim, leafHash: flip(claim.leafHash) }))).toBe('LEDGER.ROOT_MISMATCH');
      expect(codeOf(() => verifyInclusion({ ...claim, root: flip(root) }))).toBe('LEDGER.ROOT_MISMATCH');
      expect(codeOf(() => verifyInclusion({ ...claim, index: index + size }))).toBe('LEDGER.INDEX_OUT_OF_RANGE');
      for (let other = 0; other < size; other++) {
        if (other !== index)
          expect(codeOf(() => verifyInclusion({ ...claim, index: other }))).toMatch(/ROOT_MISMATCH|PROOF_LENGTH/);
      }
    }
  });

  it.each([[2], [7], [8], [13], [32]])('refuse every wrong consistency proof to size %i', (to) => {
    const leaves = leavesOf(to);
    const toRoot = rootOf(leaves);
    for (let from = 1; from < to; from++) {
      const proof = consistencyProof(leaves, from);
      const claim = { from, to, fromRoot: rootOf(leaves.slice(0, from)), toRoot, proof };
      proof.forEach((hash, i) => {
        expect(codeOf(() => verifyConsistency({ ...claim, proof: proof.with(i, flip(hash)) }))).toMatch(
          /ROOT_MISMATCH$/,
        );
        expect(codeOf(() => verifyConsistency({ ...claim, proof: proof.with(i, hash.subarray(1)) }))).toBe(
          'LEDGER.HASH_LENGTH',
        );
        if (i > 0) {
          const swapped = proof.with(i, proof[i - 1] as Uint8Array).with(i - 1, hash);
          expect(codeOf(() => verifyConsistency({ ...claim, proof: swapped }))).toMatch(/ROOT_MISMATCH$/);
        }
      });
      for (let other = 1; other < to; other++) {
        if (other !== from)
          expect(codeOf(() => verifyConsistency({ ...claim, from: other }))).toMatch(/ROOT_MISMATCH$|PROOF_LENGTH/);
      }
      expect(codeOf(() => verifyConsistency({ ...claim, proof: proof.slice(1) }))).toBe('LEDGER.PROOF_LENGTH');
      expect(codeOf(() => verifyConsistency({ ...claim, proof: [...proof, toRoot] }))).toBe('LEDGER.PROOF_LENGTH');
      expect(codeOf(() => verifyConsistency({ ...claim, fromRoot: flip(claim.fromRoot) }))).toMatch(/ROOT_MISMATCH$/);
      expect(codeOf(() => verifyConsistency({ ...claim, toRoot: flip(toRoot) }))).toBe('LEDGER.ROOT_MISMATCH');
      expect(codeOf(() => verifyConsistency({ ...claim, from: to, to: from }))).toBe('LEDGER.SIZE_OUT_OF_RANGE');
    }
  });

  it('refuse every other size, but those in which the proof is the same', () => {
    // A proof says on which sides its hashes lie, and nothing else of the size: that is the signed checkpoint's to say.
    const sides = (m: number, n: number): string => {
      if (n === 1) return '';
      const split = 2 ** Math.ceil(Math.log2(n) - 1);
      return m < split ? `${sides(m, split)}R` : `${sides(m - split, n - split)}L`;
    };
    const leaves = leavesOf(21);
    for (let index = 0; index < 21; index++) {
      const claim = { leafHash: leaves[index] as Uint8Array, index, proof: inclusionProof(leaves, index) };
      for (let size = index + 1; size < 70; size++) {
        const expected = sides(index, size) === sides(index, 21) ? /undefined/ : /ROOT_MISMATCH|PROOF_LENGTH/;
        expect(String(codeOf(() => verifyInclusion({ ...claim, size, root: rootOf(leaves) })))).toMatch(expected);
      }
    }
  });

  it('work beyond 32 bits', () => {
    const size = 2 ** 40 + 1;
    const last = leafHash(ascii('last'));
    const left = leafHash(ascii('all before'));
    verifyInclusion({ leafHash: last, index: 2 ** 40, size, proof: [left], root: nodeHash(left, last) });
    verifyConsistency({ from: 2 ** 40, to: size, fromRoot: left, toRoot: nodeHash(left, last), proof: [last] });
  });
});

describe('CompactRange', () => {
  it('has the root of the whole tree at every size, also after a restart', () => {
    const leaves = leavesOf(140);
    let range = new CompactRange();
    leaves.forEach((leaf, i) => {
      expect(hexOf(range.root())).toBe(hexOf(mth(leaves.slice(0, i))));
      range.append(leaf);
      if (i % 3 === 0) range = CompactRange.restore(range.state());
    });
    expect(range.size).toBe(140);
  });

  it('holds 2^53-1 leaves and no more', () => {
    const peaks = Array.from({ length: 52 }, (_, i) => leafHash(Uint8Array.of(i)));
    const range = CompactRange.restore({ size: 2 ** 53 - 2, peaks });
    range.append(EMPTY_ROOT);
    expect(range.size).toBe(Number.MAX_SAFE_INTEGER);
    expect(hexOf(range.root())).toBe(hexOf([...peaks, EMPTY_ROOT].reduceRight((right, left) => nodeHash(left, right))));
    expect(codeOf(() => range.append(EMPTY_ROOT))).toBe('LEDGER.SIZE_OUT_OF_RANGE');
  });

  it('goes on beyond 32 bits', () => {
    const peak = leafHash(ascii('all before'));
    const range = CompactRange.restore({ size: 2 ** 40, peaks: [peak] });
    range.append(EMPTY_ROOT);
    expect(hexOf(range.root())).toBe(hexOf(nodeHash(peak, EMPTY_ROOT)));
  });

  it.each([
    [3, 1, 32],
    [2, 2, 32],
    [1, 1, 31],
    [-1, 0, 32],
    [1.5, 1, 32],
  ])('refuses a state of size %d with %d peaks of %d bytes', (size, count, length) => {
    const peaks = Array.from({ length: count }, () => new Uint8Array(length));
    expect(codeOf(() => CompactRange.restore({ size, peaks }))).toBe('LEDGER.TREE_STATE_INVALID');
  });
});
