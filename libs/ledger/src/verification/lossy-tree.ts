import { EMPTY_ROOT, nodeHash } from '../hashes.js';
import type { LeafRange } from '../tree-ranges.js';

/** A leaf whose hash the store no longer has. It may be found, or guessed, before the tree is judged. */
export interface LostLeaf {
  hash?: Uint8Array;
  /** True while `hash` is only the likeliest of several. */
  guess: boolean;
  /** What a leaf tile says it was. */
  tile?: Uint8Array;
}

export type TreeNode = Uint8Array | LostLeaf | Pair;
interface Pair {
  left: TreeNode;
  right: TreeNode;
}

/** The peaks of a tree as they were at one size. */
export interface TreeSnapshot {
  size: number;
  peaks: readonly TreeNode[];
  /** Lost leaves below this size: the first `lost` of `LossyTree.lost`. */
  lost: number;
}

/** More lost leaves than this and the tree is given up: nothing after them can be compared with a root. */
const MAX_LOST = 4096;

/**
 * A compact range (RFC 6962 §2.1) that goes on over leaves whose hash is not known: a subtree with such a leaf is kept
 * as a pair until the leaf is found. Memory is O(log n) for each lost leaf.
 */
export class LossyTree {
  size = 0;
  readonly lost: LostLeaf[] = [];
  private peaks: TreeNode[] = [];
  private givenUp = false;

  append(leaf: TreeNode): void {
    if (!(leaf instanceof Uint8Array)) this.lost.push(leaf as LostLeaf);
    this.push(leaf, 1);
    if (this.lost.length > MAX_LOST) this.giveUp(0);
  }

  /** Appends the leaves from `size` up to `to`, by the roots of `subtrees(size, to)`. */
  appendSubtrees(to: number, nodes: readonly Uint8Array[]): void {
    subtrees(this.size, to).forEach(({ from, to: end }, at) => this.push(nodes[at] as Uint8Array, end - from));
  }

  private push(root: TreeNode, leaves: number): void {
    let node = root;
    for (let rest = this.size / leaves; rest % 2 === 1 && !this.givenUp; rest = Math.floor(rest / 2)) {
      node = parentOf(this.peaks.pop() as TreeNode, node);
    }
    if (!this.givenUp) this.peaks.push(node);
    this.size += leaves;
  }

  /** Skips `count` leaves that are lost for good. */
  giveUp(count: number): void {
    this.givenUp = true;
    this.peaks = [];
    this.size += count;
  }

  /** A tree of its own with the same leaves, lost ones shared. */
  copy(): LossyTree {
    const copy = new LossyTree();
    copy.lost.push(...this.lost);
    copy.adopt(this);
    return copy;
  }

  /** Goes on from the leaves of the other; what was lost here before stays listed. */
  adopt(other: LossyTree): void {
    this.size = other.size;
    this.peaks = [...other.peaks];
    this.givenUp = other.givenUp;
  }

  /** The peaks, largest first; undefined when a leaf was ever lost. */
  state(): { size: number; peaks: Uint8Array[] } | undefined {
    if (this.givenUp || this.lost.length > 0) return undefined;
    return { size: this.size, peaks: this.peaks as Uint8Array[] };
  }

  restore({ size, peaks }: { size: number; peaks: readonly Uint8Array[] }): void {
    this.size = size;
    this.peaks = [...peaks];
  }

  snapshot(): TreeSnapshot | undefined {
    return this.givenUp ? undefined : { size: this.size, peaks: [...this.peaks], lost: this.lost.length };
  }
}

/**
 * The full subtrees that make up the leaves from `from` up to `to`, left to right, each as large as its place allows:
 * what must be known of them to go on with the tree.
 */
export function subtrees(from: number, to: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  for (let at = from; at < to;) {
    let leaves = 1;
    while (at % (2 * leaves) === 0 && at + 2 * leaves <= to) leaves *= 2;
    ranges.push({ from: at, to: at + leaves });
    at += leaves;
  }
  return ranges;
}

/** The root of a snapshot, with what is known by now; undefined while a leaf below it is lost. */
export function rootOfSnapshot({ peaks }: TreeSnapshot): Uint8Array | undefined {
  if (peaks.length === 0) return EMPTY_ROOT;
  const hashes = peaks.map(hashOf);
  if (hashes.some((hash) => hash === undefined)) return undefined;
  return (hashes as Uint8Array[]).reduceRight((right, left) => nodeHash(left, right));
}

const parentOf = (left: TreeNode, right: TreeNode): TreeNode =>
  left instanceof Uint8Array && right instanceof Uint8Array ? nodeHash(left, right) : { left, right };

function hashOf(node: TreeNode): Uint8Array | undefined {
  if (node instanceof Uint8Array) return node;
  if (!('left' in node)) return node.hash;
  const left = hashOf(node.left);
  const right = left && hashOf(node.right);
  return left && right && nodeHash(left, right);
}
