import { equalBytes, hexOf } from '../bytes.js';
import { eventId } from './entry-faults.js';
import type { Findings } from './findings.js';
import type { LeafTiles } from './leaf-tiles.js';
import type { LossyTree, LostLeaf, TreeNode } from './lossy-tree.js';
import type { Reading } from './reading.js';
import type { Reconciliation } from './reconciliation.js';
import type { BreakVerdict, Finding, LeafTile } from './report.types.js';

/** An entry whose place in the chain is settled. */
export interface Settled {
  reading: Reading;
  node: TreeNode;
  /** Chain hash before it. */
  before: Uint8Array | undefined;
}

/** Where the entries and a leaf tile differ: the entry here is another, is missing (up to `to`), or is one too many. */
interface Dispute {
  kind: 'edited' | 'deleted' | 'inserted';
  position: number;
  to: number;
  settled?: Settled;
  expected?: Uint8Array;
  source: LeafTile['source'];
}

/** Entries looked at ahead of a place, to tell one put in or taken out from one that was replaced. */
const AHEAD = 8;
/** More undecided differences than this are told as one range. */
const MAX_DISPUTES = 4096;

/**
 * Compares settled entries with leaf tiles. From where they differ it keeps a second tree, of the leaves that the tiles
 * tell, lined up with the entries: whichever of the two trees has the root of the next signed checkpoint is the one that
 * was signed, and the other side lied.
 */
export class TileAudit {
  /** The tree by the tiles; undefined while entries and tiles agree. */
  byTiles: LossyTree | undefined;
  /** Entries taken out less entries put in, since the trees parted. */
  private shift = 0;
  private queue: Settled[] = [];
  private disputes: Dispute[] = [];
  private unlisted: { from: number; to: number } | undefined;
  /** Lost leaves whose hash a tile told. */
  private told: { position: number; leaf: LostLeaf }[] = [];
  private trusted = false;
  /** A signed root agrees with the entries, and an anchored tile does not: the two trees stay apart. */
  private overruled = false;

  constructor(
    private readonly tiles: LeafTiles,
    private readonly entries: LossyTree,
    private readonly findings: Findings,
    private readonly reconciliation: Reconciliation,
  ) {}

  /** Who compares roots: told when the trees part, and of every leaf of the tree by the tiles. */
  judge: { treesPart(): void; byTilesGrew(tree: LossyTree): void } | undefined;

  /** Takes the entry at `position`, before its leaf goes to the tree by the entries. */
  settle(position: number, settled: Settled): void {
    const hash = this.tiles.at(position)?.hash;
    const { node } = settled;
    if (hash !== undefined) this.tell(position, node, hash);
    if (this.byTiles === undefined) {
      const differs = hash !== undefined && node instanceof Uint8Array && !equalBytes(node, hash);
      if (!differs) return this.tiles.pass(position + 1);
      this.byTiles = this.entries.copy();
      this.judge?.treesPart();
    }
    this.queue.push(settled);
    if (this.queue.length > AHEAD) this.lineUp(this.byTiles);
    this.rejoin(this.byTiles);
    this.tiles.pass(Math.min(position, this.byTiles?.size ?? position) - AHEAD);
  }

  /** Whether nothing is open: these entries, the next ones from `position` on, are what the tiles say. */
  agrees(position: number, next: readonly Settled[]): boolean {
    return this.byTiles === undefined && this.areTold(position, next);
  }

  /** Takes places without an entry; no leaves where there are too many to keep. */
  gap(position: number, length: number, leaves: readonly LostLeaf[] | undefined): void {
    leaves?.forEach((leaf, at) => {
      const hash = this.tiles.at(position + at)?.hash;
      if (hash !== undefined) this.tell(position + at, leaf, hash);
    });
    if (this.byTiles === undefined) return;
    this.drain(this.byTiles);
    if (leaves === undefined) this.byTiles.giveUp(length);
    else for (const leaf of leaves) this.push(this.byTiles, this.tiles.at(this.byTiles.size)?.hash ?? leaf);
  }

  /** Takes the leaves of entries that cannot be read: both trees have them. */
  pass(hashes: readonly Uint8Array[]): void {
    if (this.byTiles === undefined) return;
    this.drain(this.byTiles);
    for (const hash of hashes) this.push(this.byTiles, hash);
  }

  /** Entries up to `position` were passed without being compared. */
  passed(position: number): void {
    this.tiles.pass(Math.min(position, this.byTiles?.size ?? position) - AHEAD);
  }

  /** Nothing comes any more. */
  finish(): void {
    if (this.byTiles !== undefined) this.drain(this.byTiles);
  }

  /** The tree by the tiles is the signed one up to `size`: the entries that differ were changed. */
  tilesAreRight(size: number, verdict: BreakVerdict): void {
    for (const { position, leaf } of this.told) if (position < size) leaf.guess = false;
    this.told = this.told.filter(({ position }) => position >= size);
    for (const dispute of this.takeDisputes(size)) this.addChanged(dispute, verdict);
    const rest = this.takeUnlisted(size);
    if (rest)
      this.findings.add({ class: 'edited', ...rest, verdict, reason: 'by the leaf tiles these entries are others' });
    this.trusted = true;
  }

  /**
   * The tree by the entries is the signed one up to `size`: the tiles that differ were changed. A signature of our own
   * does not decide that against an anchored tile; an anchor with the root of either tree does.
   */
  entriesAreRight(size: number, verdict: BreakVerdict, byAnchor: boolean): void {
    if (this.byTiles === undefined) return;
    this.overruled ||= !byAnchor && this.isAnchoredElse(size);
    if (this.overruled && !byAnchor) return;
    const now = size === this.entries.size;
    for (const dispute of this.takeDisputes(now ? Infinity : size)) this.addMismatch(dispute, verdict);
    if (!now) return;
    this.takeUnlistedMismatch(verdict);
    this.queue.forEach((settled, at) => {
      const position = size - this.queue.length + at;
      const told = this.tiles.at(position);
      const { node } = settled;
      if (told === undefined || !(node instanceof Uint8Array) || equalBytes(node, told.hash)) return;
      this.tiles.disputed(position);
      this.addMismatch(
        { kind: 'edited', position, to: position, settled, expected: told.hash, source: told.source },
        verdict,
      );
    });
    this.stop();
  }

  /** What the tiles say about a place that the roots only narrow down. */
  aboutTiles(): string {
    if (this.disputes.length > 0) return '; the tree that the leaf tiles tell does not have its root either';
    if (this.tiles.compared === 0) return '; no leaf tile tells the place';
    return '; the leaf tiles agree with the entries, so they were rewritten too';
  }

  /** How many entries there are or were, by the tiles where they turned out right. */
  sizeOf(entries: number): number {
    return this.byTiles !== undefined && this.trusted ? this.byTiles.size : entries;
  }

  /** Reports what no root decided. */
  report(): void {
    for (const dispute of this.takeDisputes(Infinity)) this.addMismatch(dispute, 'inconsistent');
    this.takeUnlistedMismatch('inconsistent');
  }

  /** A tile's hash is the likeliest for a leaf that is lost. */
  private tell(position: number, node: TreeNode, hash: Uint8Array): void {
    if (node instanceof Uint8Array || 'left' in node) return;
    if (node.hash !== undefined && !node.guess) return;
    node.hash = node.tile = hash;
    node.guess = true;
    this.told.push({ position, leaf: node });
  }

  /** Whether an anchored tile has another entry than the store below `size`. */
  private isAnchoredElse(size: number): boolean {
    const first = size - this.queue.length;
    const inQueue = this.queue.some(({ node }, at) => {
      const told = this.tiles.at(first + at);
      return told?.source === 'anchored' && node instanceof Uint8Array && !equalBytes(node, told.hash);
    });
    return inQueue || this.disputes.some(({ position, source }) => source === 'anchored' && position < size);
  }

  private lineUp(tree: LossyTree): void {
    const head = this.queue[0] as Settled;
    const at = tree.size;
    const told = this.tiles.at(at);
    const leaf = head.node;
    if (told === undefined || !(leaf instanceof Uint8Array) || equalBytes(leaf, told.hash)) {
      this.queue.shift();
      return this.push(tree, told?.hash ?? leaf);
    }
    this.tiles.disputed(at);
    const { source } = told;
    const out = this.takenOut(leaf, at);
    const put = out > 0 ? 0 : this.putIn(told.hash, at);
    if (out > 0) {
      this.dispute({ kind: 'deleted', position: at, to: at + out - 1, source });
      this.shift += out;
      for (let place = at; place < at + out; place++) this.push(tree, this.tiles.at(place)?.hash as Uint8Array);
    } else if (put > 0) {
      this.shift -= put;
      for (const settled of this.queue.splice(0, put))
        this.dispute({ kind: 'inserted', position: at, to: at, settled, source });
    } else {
      this.queue.shift();
      this.dispute({ kind: 'edited', position: at, to: at, settled: head, expected: told.hash, source });
      this.push(tree, told.hash);
    }
  }

  /** How many entries the tiles have before this leaf, when what follows it follows there too; 0 when that is not so. */
  private takenOut(leaf: Uint8Array, at: number): number {
    const place = this.tiles.next(leaf, at);
    const following = this.queue[1]?.node;
    if (place === undefined) return 0;
    for (let between = at; between < place; between++) if (this.tiles.at(between) === undefined) return 0;
    if (!(following instanceof Uint8Array)) return place - at;
    const told = this.tiles.at(place + 1)?.hash;
    const fits = told === undefined ? this.tiles.next(following, at - 1) === undefined : equalBytes(told, following);
    return fits ? place - at : 0;
  }

  /** How many entries stand before the one that the tiles have here, when what follows it follows there too. */
  private putIn(hash: Uint8Array, at: number): number {
    const place = this.queue.findIndex(({ node }) => node instanceof Uint8Array && equalBytes(node, hash));
    const following = this.queue[place + 1]?.node;
    const told = this.tiles.at(at + 1)?.hash;
    if (place <= 0) return 0;
    const fits = !(following instanceof Uint8Array) || told === undefined || equalBytes(told, following);
    return fits ? place : 0;
  }

  private drain(tree: LossyTree): void {
    while (this.queue.length > 0) this.lineUp(tree);
  }

  private push(tree: LossyTree, node: TreeNode): void {
    tree.append(node);
    this.judge?.byTilesGrew(tree);
  }

  /**
   * Once a root has shown that the tiles are right, and nothing is shifted, their tree is that of both, and the entries
   * are believed again from there on.
   */
  private rejoin(tree: LossyTree): void {
    if (this.overruled || !this.trusted || this.shift !== 0 || this.disputes.length > 0 || this.unlisted !== undefined)
      return;
    // The last one goes to the tree by the entries when `settle` returns.
    if (this.areTold(tree.size, this.queue)) {
      while (this.queue.length > 1) this.lineUp(tree);
      this.entries.adopt(tree);
      this.stop();
    } else {
      const joined = tree.copy();
      for (const { node } of this.queue.slice(0, -1)) joined.append(node);
      this.entries.adopt(joined);
      this.trusted = false;
    }
  }

  private areTold(position: number, entries: readonly Settled[]): boolean {
    return entries.every(({ node }, at) => {
      const told = this.tiles.at(position + at);
      return told === undefined || (node instanceof Uint8Array && equalBytes(node, told.hash));
    });
  }

  private stop(): void {
    this.byTiles = undefined;
    this.queue = [];
    this.shift = 0;
    this.trusted = false;
    this.overruled = false;
  }

  private dispute(dispute: Dispute): void {
    if (this.disputes.length < MAX_DISPUTES) {
      this.disputes.push(dispute);
    } else {
      this.unlisted ??= { from: dispute.position, to: dispute.to };
      this.unlisted.to = dispute.to;
    }
  }

  private takeDisputes(size: number): Dispute[] {
    const taken = this.disputes.filter(({ position }) => position < size);
    this.disputes = this.disputes.filter(({ position }) => position >= size);
    return taken;
  }

  private takeUnlisted(size: number): { from: number; to: number } | undefined {
    const { unlisted } = this;
    if (unlisted === undefined || unlisted.from >= size) return undefined;
    this.unlisted = unlisted.to < size ? undefined : { from: size, to: unlisted.to };
    return { from: unlisted.from, to: Math.min(unlisted.to, size - 1) };
  }

  private takeUnlistedMismatch(verdict: BreakVerdict): void {
    const rest = this.takeUnlisted(Infinity);
    if (rest)
      this.findings.add({ class: 'tile_mismatch', ...rest, verdict, reason: 'the leaf tiles have other entries here' });
  }

  private addChanged({ kind, position, to, settled, expected, source }: Dispute, verdict: BreakVerdict): void {
    const by = `by the ${source} leaf tile`;
    if (kind === 'edited' && settled !== undefined && expected !== undefined) {
      const { reading, before } = settled;
      this.reconciliation.edited({ position, reading, expected, fields: ['bytes'], by, verdict, follows: before });
    } else if (kind === 'deleted') {
      const place = position === to ? { seq: position } : { from: position, to };
      this.findings.add({
        class: 'deleted',
        ...place,
        verdict,
        reason: `${by}, an entry was taken out here and the rest renumbered`,
      });
    } else if (settled !== undefined) {
      const { reading } = settled;
      const seq = reading.claimed ?? position;
      this.findings.add({
        class: 'inserted',
        seq,
        ...eventId(reading),
        verdict,
        reason: `${by}, an entry was put in here and the rest renumbered`,
      });
    }
  }

  private addMismatch({ kind, position, to, settled, expected, source }: Dispute, verdict: BreakVerdict): void {
    const leaf = settled?.node;
    const finding: Finding = {
      class: 'tile_mismatch',
      ...(position === to ? { seq: position } : { from: position, to }),
      ...(kind === 'edited' && settled !== undefined && eventId(settled.reading)),
      ...(expected && { stored: hexOf(expected) }),
      ...(leaf instanceof Uint8Array && { recomputed: hexOf(leaf) }),
      verdict,
      reason: `the ${source} leaf tile has another leaf hash than the entry; ${verdict === 'inconsistent' ? 'no root decides between them' : 'the signed root agrees with the entry'}`,
    };
    this.findings.add(finding);
  }
}
