import { createHash } from 'node:crypto';

/** A second implementation, straight from the recursive definitions of RFC 6962 §2.1, over leaf hashes. */
export const sha = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest());
export const node = (left: Uint8Array, right: Uint8Array): Uint8Array => sha(Uint8Array.of(1), left, right);

const k = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1);

export function mth(d: Uint8Array[]): Uint8Array {
  if (d.length < 2) return d[0] ?? sha();
  return node(mth(d.slice(0, k(d.length))), mth(d.slice(k(d.length))));
}

export function path(m: number, d: Uint8Array[]): Uint8Array[] {
  if (d.length === 1) return [];
  const [left, right] = [d.slice(0, k(d.length)), d.slice(k(d.length))];
  return m < left.length ? [...path(m, left), mth(right)] : [...path(m - left.length, right), mth(left)];
}

export const proof = (m: number, d: Uint8Array[]): Uint8Array[] => (m === 0 ? [] : subproof(m, d, true));

function subproof(m: number, d: Uint8Array[], whole: boolean): Uint8Array[] {
  if (m === d.length) return whole ? [] : [mth(d)];
  const [left, right] = [d.slice(0, k(d.length)), d.slice(k(d.length))];
  return m <= left.length
    ? [...subproof(m, left, whole), mth(right)]
    : [...subproof(m - left.length, right, false), mth(left)];
}

/**
 * The same definitions for a tree of any size whose leaves are all `leaf` but the one at `place`, which is `other`.
 * BigInt throughout, so nothing is shared with an implementation that must do without it.
 */
export class SparseTree {
  private readonly uniform = new Map<bigint, Uint8Array>();

  constructor(
    private readonly leaf: Uint8Array,
    private readonly place: bigint,
    private readonly other: Uint8Array,
  ) {}

  /** MTH(D[from:from + n]). */
  mth(from: bigint, n: bigint): Uint8Array {
    const same = this.place < from || this.place >= from + n;
    if (n === 1n) return same ? this.leaf : this.other;
    const known = same ? this.uniform.get(n) : undefined;
    if (known !== undefined) return known;
    const split = 1n << BigInt((n - 1n).toString(2).length - 1);
    const root = node(this.mth(from, split), this.mth(from + split, n - split));
    if (same) this.uniform.set(n, root);
    return root;
  }

  /** The hashes of a tile of tlog-tiles: `MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])`. */
  tile(level: number, index: number, width: number): Uint8Array[] {
    const span = 256n ** BigInt(level);
    return Array.from({ length: width }, (_, i) => this.mth((BigInt(index) * 256n + BigInt(i)) * span, span));
  }
}
