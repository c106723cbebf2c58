import { equalBytes } from '../bytes.js';
import type { StoredEntry } from '../entry.js';
import type { LedgerEvent } from '../event.types.js';
import { nodeHash } from '../hashes.js';
import { EventKids } from './event-kids.js';
import type { KidUse } from './event-kids.js';
import { MAX_FORM_FAULTS } from './findings.js';
import type { FormFaults } from './findings.js';
import type { PlacedReopening } from './incarnations.js';
import type { PlacedStatement } from './key-statements.js';
import { subtrees } from './lossy-tree.js';
import { linkOf, NO_EVENT_KEYS, readingOf, readingOfMade } from './reading.js';
import type { EventKeys, Reading } from './reading.js';
import type { LeafTile } from './report.types.js';

/**
 * So many entries inserted in a row, with renumbering of what follows, are still told apart from edits: the walk keeps
 * its last ones singly, and so does a digest.
 */
export const WINDOW = 16;

export interface SegmentOptions {
  tenant: string;
  eventKeys?: EventKeys;
  /** Sizes within the segment at which a root will be compared: those of checkpoints, anchors and the mark. */
  sizes: readonly number[];
  /** Leaf tiles that begin in the segment, which ends where one ends: an entry that differs from its tile is not clean. */
  tiles?: readonly LeafTile[];
}

/**
 * What a verifier needs of a contiguous run of entries that is clean in itself. Plain data of structured-cloneable
 * types, a few kilobytes however long the run.
 */
export interface SegmentDigest {
  /** Seqs, both inclusive. */
  from: number;
  to: number;
  /** Of the first entry: its chain hash follows from the one before the segment and this leaf hash, or nothing fits. */
  first: { leaf: Uint8Array; chain: Uint8Array };
  /** The entries before `tail`, as the roots of `subtrees(previous to, to)`; cut at every size asked for. */
  pieces: { to: number; nodes: Uint8Array[] }[];
  /** Chain hash before `tail`; undefined when the tail is all. */
  beforeTail: Uint8Array | undefined;
  /** The last entries, singly. */
  tail: Reading[];
  /** Of the entries before `tail`. */
  kids: KidUse[];
  formFaults: FormFaults;
  statements: PlacedStatement[];
  reopenings: PlacedReopening[];
  /** Tiles that agree, each counted where it begins. */
  tiles: { from: number; source: LeafTile['source'] }[];
}

/**
 * Digests stored documents of consecutive seqs as they come, in worker threads beside the one that verifies. Holds the
 * last of them, and of the others hashes. What is not clean is for `LedgerVerifier.entry`, which tells what is wrong.
 */
export class CleanSegment {
  private readonly tail: Reading[] = [];
  private readonly body: Body;
  private first: Reading | undefined;

  constructor(private readonly options: SegmentOptions) {
    this.body = new Body(options.sizes);
  }

  /**
   * False unless the document is clean: right fields, right hashes, following from the one before, canonical or at least
   * hashed as it is. Then there is no digest, and nothing more to take. `made`: of a document that this thread has just
   * made with `entryAt` for this tenant, the event of its bytes.
   */
  take(document: unknown, made?: LedgerEvent): boolean {
    const { tenant, eventKeys = NO_EVENT_KEYS, tiles = [] } = this.options;
    const reading = made
      ? readingOfMade(document as StoredEntry, made, eventKeys)
      : readingOf(document, tenant, eventKeys);
    if (reading === undefined || !isClean(reading) || !follows(reading, this.tail.at(-1))) return false;
    if (!isInTiles(reading, tiles)) return false;
    this.first ??= reading;
    this.tail.push(reading);
    if (this.tail.length > WINDOW + 1) this.body.add(this.tail.shift() as Reading);
    return true;
  }

  /** Of all that was taken, once; undefined when that is nothing, or ends within a tile. */
  digest(): SegmentDigest | undefined {
    const { first, body, tail, options } = this;
    const last = tail.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const to = last.claimed as number;
    if (options.tiles?.some(({ from, hashes }) => from + hashes.length > to + 1)) return undefined;
    return {
      from: first.claimed as number,
      to,
      first: { leaf: first.leaf as Uint8Array, chain: first.storedChain as Uint8Array },
      ...body.digest(),
      tail,
      tiles: (options.tiles ?? []).map(({ from, source }) => ({ from, source })),
    };
  }
}

/** Nothing is wrong with it but, at most, the form of its event; whether it follows is another question. */
export function isClean({ claimed, agrees, storedChain, placeFaults, columnFaults, signature }: Reading): boolean {
  const placed = claimed !== undefined && placeFaults.length === 0 && columnFaults.length === 0;
  return placed && agrees && storedChain !== undefined && signature?.fault !== 'does_not_hold';
}

function follows(reading: Reading, previous: Reading | undefined): boolean {
  if (previous === undefined) return true;
  const next = (previous.claimed as number) + 1;
  return reading.claimed === next && linkOf(reading, previous.storedChain) !== undefined;
}

function isInTiles({ claimed, leaf }: Reading, tiles: readonly LeafTile[]): boolean {
  const seq = claimed as number;
  return tiles.every(({ from, hashes }) => {
    if (seq < from || seq >= from + hashes.length) return true;
    return equalBytes(hashes[seq - from] as Uint8Array, leaf as Uint8Array);
  });
}

/** The entries before the tail, of which no single one is kept. */
class Body {
  private readonly pieces: SegmentDigest['pieces'] = [];
  /** Largest first. */
  private readonly sizes: number[];
  private leaves: Uint8Array[] = [];
  private start = 0;
  private chain: Uint8Array | undefined;
  private readonly kids = new EventKids();
  private readonly formFaults: FormFaults = { total: 0, first: [] };
  private readonly statements: PlacedStatement[] = [];
  private readonly reopenings: PlacedReopening[] = [];

  constructor(sizes: readonly number[]) {
    this.sizes = [...sizes].sort((a, b) => b - a);
  }

  add({ claimed, leaf, storedChain, signature, formFaults, statement, reopening }: Reading): void {
    const seq = claimed as number;
    if (this.leaves.length === 0) this.start = seq;
    this.leaves.push(leaf as Uint8Array);
    this.chain = storedChain;
    if (signature !== undefined) {
      const { kid, fault } = signature;
      this.kids.add({ kid, known: fault !== 'unknown_key', from: seq, to: seq, count: 1 });
    }
    if (formFaults.length > 0) {
      this.formFaults.total += 1;
      if (this.formFaults.first.length < MAX_FORM_FAULTS) this.formFaults.first.push({ seq, faults: formFaults });
    }
    if (statement !== undefined) this.statements.push({ ...statement, seq });
    if (reopening !== undefined) this.reopenings.push({ ...reopening, seq });
    if (this.isBorder(seq + 1)) this.cut();
  }

  digest(): Omit<SegmentDigest, 'from' | 'to' | 'first' | 'tail' | 'tiles'> {
    if (this.leaves.length > 0) this.cut();
    const { pieces, chain, kids, formFaults, statements, reopenings } = this;
    return { pieces, beforeTail: chain, kids: kids.all(), formFaults, statements, reopenings };
  }

  private isBorder(size: number): boolean {
    while ((this.sizes.at(-1) ?? size) < size) this.sizes.pop();
    return this.sizes.at(-1) === size;
  }

  private cut(): void {
    const { start, leaves } = this;
    const to = start + leaves.length;
    const nodes = subtrees(start, to).map((range) => rootOfFull(leaves.slice(range.from - start, range.to - start)));
    this.pieces.push({ to, nodes });
    this.leaves = [];
  }
}

/** RFC 6962 §2.1 for 2^n leaves. */
function rootOfFull(leaves: Uint8Array[]): Uint8Array {
  let level = leaves;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) above.push(nodeHash(level[at]!, level[at + 1]!));
    level = above;
  }
  return level[0] as Uint8Array;
}
