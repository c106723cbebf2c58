import { LedgerError } from './ledger.errors.js';

// Sizes and indexes go up to 2^53 - 1: only division, modulo and comparison are used on them, because JavaScript's bit
// operators cut to 32 bits.

/** The leaves from `from` up to, but without, `to`: a subtree whose root is one hash of a proof. */
export interface LeafRange {
  from: number;
  to: number;
}

/** The subtrees whose roots are PATH(index, D[size]) of RFC 9162 §2.1.3.1, from the leaf upwards. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  assertSize(size);
  assertIndex(index, size);
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
}

/** The subtrees whose roots are PROOF(from, D[size]) of RFC 9162 §2.1.4.1; none when `from` is 0 or the whole size. */
export function consistencyRanges(from: number, size: number): LeafRange[] {
  assertSize(from);
  assertSize(size);
  if (from > size) throw new LedgerError('LEDGER.SIZE_OUT_OF_RANGE', `size ${from} is beyond a tree of ${size} leaves`);
  if (from === 0 || from === size) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  let whole = true; // is the subtree [start, from) the old tree itself, whose root the verifier has?
  while (from !== end) {
    const middle = start + splitOf(end - start);
    if (from <= middle) {
      ranges.push({ from: middle, to: end });
      end = middle;
    } else {
      ranges.push({ from: start, to: middle });
      start = middle;
      whole = false;
    }
  }
  if (!whole) ranges.push({ from: start, to: end });
  return ranges.reverse();
}

/** The largest power of two below `size`, for size > 1. */
export function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

export const half = (n: number): number => Math.floor(n / 2);

export function isPowerOfTwo(n: number): boolean {
  let power = 1;
  while (power < n) power *= 2;
  return power === n;
}

export function assertSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new LedgerError('LEDGER.SIZE_OUT_OF_RANGE', `a size is an integer from 0 to 2^53-1, found ${size}`);
  }
}

export function assertIndex(index: number, size: number): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new LedgerError('LEDGER.INDEX_OUT_OF_RANGE', `index ${index} is outside a tree of ${size} leaves`);
  }
}
