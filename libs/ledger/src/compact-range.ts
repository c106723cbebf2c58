import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './hashes.js';
import { LedgerError } from './ledger.errors.js';

/** What must be kept to go on appending: the roots of the full subtrees, largest first (one per 1-bit of `size`). */
export interface CompactRangeState {
  size: number;
  peaks: Uint8Array[];
}

/** A tree that only grows: O(log n) memory, amortised O(1) hashes per leaf (RFC 6962 §2.1). */
export class CompactRange {
  private count = 0;
  private peaks: Uint8Array[] = [];

  /** Goes on from `state`; throws LEDGER.TREE_STATE_INVALID when the peaks cannot belong to its size. */
  static restore({ size, peaks }: CompactRangeState): CompactRange {
    const expected = Number.isSafeInteger(size) && size >= 0 ? onesOf(size) : NaN;
    if (peaks.length !== expected || peaks.some((peak) => peak.length !== HASH_BYTES)) {
      throw new LedgerError(
        'LEDGER.TREE_STATE_INVALID',
        `a tree of ${size} leaves has ${expected} peaks of 32 bytes, found ${peaks.length}`,
      );
    }
    const range = new CompactRange();
    range.count = size;
    range.peaks = [...peaks];
    return range;
  }

  get size(): number {
    return this.count;
  }

  /** Throws HASH_LENGTH, or SIZE_OUT_OF_RANGE at 2^53-1 leaves. */
  append(leaf: Uint8Array): void {
    if (this.count === Number.MAX_SAFE_INTEGER) {
      throw new LedgerError('LEDGER.SIZE_OUT_OF_RANGE', 'a tree has at most 2^53-1 leaves');
    }
    if (leaf.length !== HASH_BYTES) {
      throw new LedgerError('LEDGER.HASH_LENGTH', `a leaf hash has 32 bytes, found ${leaf.length}`);
    }
    let node = leaf;
    for (let rest = this.count; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      node = nodeHash(this.peaks.pop() as Uint8Array, node);
    }
    this.peaks.push(node);
    this.count += 1;
  }

  /** The root of everything appended; the empty tree's root at size 0. */
  root(): Uint8Array {
    if (this.peaks.length === 0) return EMPTY_ROOT;
    return this.peaks.reduceRight((right, left) => nodeHash(left, right));
  }

  /** A copy that later appends do not change. */
  state(): CompactRangeState {
    return { size: this.count, peaks: [...this.peaks] };
  }
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
