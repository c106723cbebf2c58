import { equalBytes } from './bytes.js';
import { assertHashes, EMPTY_ROOT, nodeHash } from './hashes.js';
import { LedgerError } from './ledger.errors.js';
import {
  assertIndex,
  assertSize,
  consistencyRanges,
  half,
  inclusionRanges,
  isPowerOfTwo,
  splitOf,
} from './tree-ranges.js';

// RFC 6962 §2.1 and RFC 9162 §2.1.

/** The root over these leaf hashes (MTH of RFC 6962 §2.1). */
export function rootOf(leafHashes: readonly Uint8Array[]): Uint8Array {
  return leafHashes.length === 0 ? EMPTY_ROOT : subRoot(leafHashes, 0, leafHashes.length);
}

/** PATH(index, leaves) of RFC 9162 §2.1.3.1: sibling hashes from the leaf upwards. */
export function inclusionProof(leafHashes: readonly Uint8Array[], index: number): Uint8Array[] {
  return inclusionRanges(index, leafHashes.length).map(({ from, to }) => subRoot(leafHashes, from, to));
}

export interface InclusionClaim {
  leafHash: Uint8Array;
  index: number;
  size: number;
  proof: readonly Uint8Array[];
  root: Uint8Array;
}

/**
 * RFC 9162 §2.1.3.2. Returns when the leaf at `index` is in the tree of `size` leaves with this root; otherwise throws
 * a LedgerError: INDEX_OUT_OF_RANGE, SIZE_OUT_OF_RANGE, HASH_LENGTH, PROOF_LENGTH (too short or too long for this
 * index and size) or ROOT_MISMATCH.
 */
export function verifyInclusion({ leafHash, index, size, proof, root }: InclusionClaim): void {
  assertSize(size);
  assertIndex(index, size);
  assertHashes([leafHash, root, ...proof]);
  assertProofLength(proof.length, inclusionRanges(index, size).length);
  let fn = index;
  let sn = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  if (!equalBytes(hash, root)) {
    throw new LedgerError(
      'LEDGER.ROOT_MISMATCH',
      `the proof of leaf ${index} does not lead to the root of size ${size}`,
    );
  }
}

/** PROOF(from, leaves) of RFC 9162 §2.1.4.1; empty when `from` is 0 or the whole size. */
export function consistencyProof(leafHashes: readonly Uint8Array[], from: number): Uint8Array[] {
  return consistencyRanges(from, leafHashes.length).map((range) => subRoot(leafHashes, range.from, range.to));
}

export interface ConsistencyClaim {
  from: number;
  to: number;
  fromRoot: Uint8Array;
  toRoot: Uint8Array;
  proof: readonly Uint8Array[];
}

/**
 * RFC 9162 §2.1.4.2. Returns when the tree of size `from` is a prefix of the tree of size `to`; otherwise throws a
 * LedgerError: SIZE_OUT_OF_RANGE, HASH_LENGTH, PROOF_LENGTH, FROM_ROOT_MISMATCH or ROOT_MISMATCH. From size 0 the
 * proof is empty and `fromRoot` must be the empty tree's root.
 */
export function verifyConsistency({ from, to, fromRoot, toRoot, proof }: ConsistencyClaim): void {
  assertSize(from);
  assertSize(to);
  if (from > to) throw new LedgerError('LEDGER.SIZE_OUT_OF_RANGE', `a tree does not shrink from ${from} to ${to}`);
  assertHashes([fromRoot, toRoot, ...proof]);
  assertProofLength(proof.length, consistencyRanges(from, to).length);
  if (from === 0) return expectRoot('LEDGER.FROM_ROOT_MISMATCH', EMPTY_ROOT, fromRoot, from);
  if (from === to) return expectRoot('LEDGER.ROOT_MISMATCH', fromRoot, toRoot, to);
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : [...proof];
  let fn = from - 1;
  let sn = to - 1;
  while (fn % 2 === 1) {
    fn = half(fn);
    sn = half(sn);
  }
  const [first, ...rest] = path as [Uint8Array, ...Uint8Array[]];
  let fromHash = first;
  let toHash = first;
  for (const hash of rest) {
    if (fn % 2 === 1 || fn === sn) {
      fromHash = nodeHash(hash, fromHash);
      toHash = nodeHash(hash, toHash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      toHash = nodeHash(toHash, hash);
    }
    fn = half(fn);
    sn = half(sn);
  }
  expectRoot('LEDGER.FROM_ROOT_MISMATCH', fromHash, fromRoot, from);
  expectRoot('LEDGER.ROOT_MISMATCH', toHash, toRoot, to);
}

function subRoot(leafHashes: readonly Uint8Array[], from: number, to: number): Uint8Array {
  if (to - from === 1) {
    const leaf = leafHashes[from] as Uint8Array;
    assertHashes([leaf]);
    return leaf;
  }
  const middle = from + splitOf(to - from);
  return nodeHash(subRoot(leafHashes, from, middle), subRoot(leafHashes, middle, to));
}

function assertProofLength(found: number, expected: number): void {
  if (found !== expected) {
    throw new LedgerError('LEDGER.PROOF_LENGTH', `the proof has ${found} hashes, this one needs ${expected}`);
  }
}

function expectRoot(
  code: 'LEDGER.ROOT_MISMATCH' | 'LEDGER.FROM_ROOT_MISMATCH',
  computed: Uint8Array,
  claimed: Uint8Array,
  size: number,
): void {
  if (!equalBytes(computed, claimed))
    throw new LedgerError(code, `the proof does not lead to the root of size ${size}`);
}
