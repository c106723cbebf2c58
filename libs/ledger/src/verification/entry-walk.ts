import { bytesOfHex, equalBytes, hexOf } from '../bytes.js';
import { chainHash, genesisHash } from '../hashes.js';
import type { CheckpointJudge } from './checkpoint-judge.js';
import { EntryFaults, eventId } from './entry-faults.js';
import type { Findings } from './findings.js';
import type { LossyTree, LostLeaf, TreeNode } from './lossy-tree.js';
import { linkOf, readingOfState, readingState } from './reading.js';
import type { FieldFault, Reading, ReadingState } from './reading.js';
import type { Incarnations } from './incarnations.js';
import type { KeyTrust } from './key-trust.js';
import type { Reconciliation } from './reconciliation.js';
import { isClean, WINDOW } from './segment.js';
import type { SegmentDigest } from './segment.js';
import type { TileAudit } from './tile-audit.js';
import type { Settled } from './tile-audit.js';

/** The last entry settled without a proper link: the next one tells what is wrong with it. */
interface Doubt {
  reading: Reading;
  /** Chain hash it had to follow from; undefined right after a gap. */
  before: Uint8Array | undefined;
}

export interface WalkState {
  found: number;
  position: number;
  /** Chain hash before the next entry, and before the first of `recent`. */
  previous: string;
  before: string | undefined;
  recent: ReadingState[];
  held: ReadingState | undefined;
}

/** What a walk works on: it fills the tree and tells the others what it sees. */
export interface WalkParts {
  tree: LossyTree;
  judge: CheckpointJudge;
  trust: KeyTrust;
  incarnations: Incarnations;
  audit: TileAudit;
  reconciliation: Reconciliation;
  findings: Findings;
}

/**
 * Walks the stored entries in order of seq and settles which of them are those of the chain, and where. A broken link
 * does not spoil what follows: the stored chain hash of each entry is a place where the chain is taken up again, and
 * the next entry decides which field was wrong (ledger-verifier.spec.ts). Leaves of settled entries go to the tree.
 */
export class EntryWalk {
  readonly faults: EntryFaults;
  found = 0;
  /** True place of the next entry, and how far the stored seqs run ahead of it (after insertions with renumbering). */
  position = 0;
  private shift = 0;
  private previous: Uint8Array | undefined;
  private doubt: Doubt | undefined;
  private held: Reading | undefined;
  /** After a part that was not read: the next entry's chain hash is taken as it stands. */
  private unread = false;
  /** The last entries, not yet in the tree: an insertion is only seen one or more entries later. */
  private recent: Settled[] = [];

  private readonly tree: LossyTree;
  private readonly judge: CheckpointJudge;
  private readonly trust: KeyTrust;
  private readonly incarnations: Incarnations;
  private readonly audit: TileAudit;
  private readonly reconciliation: Reconciliation;
  private readonly findings: Findings;

  constructor(origin: string, parts: WalkParts) {
    ({
      tree: this.tree,
      judge: this.judge,
      trust: this.trust,
      incarnations: this.incarnations,
      audit: this.audit,
      reconciliation: this.reconciliation,
      findings: this.findings,
    } = parts);
    this.previous = genesisHash(origin);
    this.faults = new EntryFaults(parts.findings);
  }

  /** `reading`: of the next stored document in order of seq; undefined for what is no document at all. */
  entry(reading: Reading | undefined): void {
    this.found += 1;
    if (reading === undefined) {
      this.findings.add({ class: 'cannot_read', reason: 'something in the place of an entry is no document' });
    } else if (reading.claimed === undefined || reading.claimed < (this.held?.claimed ?? this.expected())) {
      this.reconciliation.stray(reading);
    } else if (reading.claimed === this.held?.claimed) {
      this.holdBetter(reading, this.held);
    } else {
      this.settleHeld();
      this.hold(reading);
    }
  }

  /** Takes a clean segment whole, with the same outcome as one by one; false, and nothing taken, where it does not fit. */
  segment(digest: SegmentDigest): boolean {
    const { from, to, pieces, tail, beforeTail } = digest;
    if (from <= (this.held?.claimed ?? -1)) return false;
    this.settleHeld();
    if (!this.isCleanBefore(digest) || !this.judge.canPass(from, pieces)) return false;
    this.found += to - from + 1;
    this.unread = false;
    if (pieces.length > 0) this.takePieces(digest);
    if (beforeTail !== undefined) this.previous = beforeTail;
    for (const reading of tail.slice(0, -1)) this.accept(reading, 'bytes');
    this.held = tail.at(-1);
    return true;
  }

  /** The seq after all that was taken. */
  get next(): number {
    return this.held === undefined ? this.expected() : (this.held.claimed as number) + 1;
  }

  /** Passes the entries from seq `from` to `to` - 1, which are not read, by the roots of `subtrees(from, to)`. */
  pass(from: number, to: number, nodes: readonly Uint8Array[]): void {
    this.settleBefore(from);
    this.judge.treePasses(to);
    this.tree.appendSubtrees(to, nodes);
    this.judge.treeGrew();
    this.position = to;
  }

  /** Passes entries from seq `from` on that cannot be read, by their leaf hashes: every root is still compared. */
  passLeaves(from: number, hashes: readonly Uint8Array[]): void {
    this.settleBefore(from);
    this.judge.isPassed(from + hashes.length);
    this.audit.pass(hashes);
    for (const hash of hashes) this.pushTree(hash);
    this.position = from + hashes.length;
    this.audit.passed(this.position);
  }

  /** Passes entries of which not even a hash is left. */
  passUnknown(from: number, to: number): void {
    this.settleBefore(from);
    this.audit.gap(from, to - from, undefined);
    this.tree.giveUp(to - from);
    this.judge.treeGrew();
    this.position = to;
    this.audit.passed(to);
  }

  /** What comes is not read: nothing is held back, and the entry after it need not follow. */
  private settleBefore(from: number): void {
    this.settleHeld();
    if (this.doubt !== undefined) this.resolveDoubtBeforeGap(this.doubt);
    if (from > this.position) this.openGap(from - this.position);
    for (const settled of this.recent.splice(0)) this.seal(settled);
    this.previous = undefined;
    this.unread = true;
  }

  /** Nothing comes any more: settles everything. Then the roots are judged, and then `report` may be called. */
  finish(sealed: number): void {
    this.settleHeld();
    this.resolveDoubtAtEnd(sealed);
    this.takeStraysAtEnd();
    for (const settled of this.recent.splice(0)) this.seal(settled);
    this.audit.finish();
    this.reconciliation.finish();
  }

  report(claims: { lastMatch: number; newest: number }): void {
    this.reconciliation.report(claims);
  }

  /** Undefined when anything is open or out of place. */
  state(): WalkState | undefined {
    if (this.doubt !== undefined || this.shift !== 0 || this.previous === undefined) return undefined;
    if (!this.reconciliation.isEmpty() || !this.recent.every(isPlain)) return undefined;
    if (this.held !== undefined && !(isClean(this.held) && linkOf(this.held, this.previous))) return undefined;
    return {
      found: this.found,
      position: this.position,
      previous: hexOf(this.previous),
      before: this.recent[0]?.before && hexOf(this.recent[0].before),
      recent: this.recent.map(({ reading }) => readingState(reading)),
      held: this.held && readingState(this.held),
    };
  }

  restore({ found, position, previous, before, recent, held }: WalkState): void {
    this.found = found;
    this.position = position;
    let chain = before === undefined ? undefined : (bytesOfHex(before) as Uint8Array);
    for (const reading of recent.map(readingOfState)) {
      this.recent.push({ reading, node: reading.leaf as Uint8Array, before: chain });
      chain = reading.storedChain;
    }
    this.previous = bytesOfHex(previous);
    this.held = held && readingOfState(held);
  }

  private isCleanBefore({ from, first }: SegmentDigest): boolean {
    if (this.doubt !== undefined || this.shift !== 0 || this.position !== from) return false;
    if (!this.audit.agrees(this.tree.size, this.recent)) return false;
    if (this.unread) return true;
    return this.previous !== undefined && equalBytes(chainHash(this.previous, first.leaf), first.chain);
  }

  private takePieces({ pieces, kids, formFaults, statements, reopenings }: SegmentDigest): void {
    for (const settled of this.recent.splice(0)) this.seal(settled);
    for (const statement of statements) this.trust.add(statement);
    for (const reopening of reopenings) this.incarnations.add(reopening);
    for (const { to, nodes } of pieces) {
      this.tree.appendSubtrees(to, nodes);
      this.judge.treeGrew();
      this.position = to;
    }
    for (const use of kids) this.faults.kids.add(use);
    this.findings.addFormFaults(formFaults);
  }

  private hold(reading: Reading): void {
    const claimed = reading.claimed as number;
    const misplaced = claimed > this.expected() && reading.idSeq !== claimed;
    if (misplaced) this.reconciliation.stray(reading);
    else this.held = reading;
  }

  /** The seq the next stored document should claim. */
  private expected(): number {
    return this.position + this.shift + (this.doubt === undefined ? 0 : 1);
  }

  /** Of several documents that claim one seq, the one that fits best is the entry. */
  private holdBetter(one: Reading, other: Reading): void {
    const [best, rest] = this.fitOf(one) > this.fitOf(other) ? [one, other] : [other, one];
    this.held = best;
    const differ = best.leaf && rest.leaf && hexOf(best.leaf) !== hexOf(rest.leaf);
    if (differ && linkOf(best, this.previous) && linkOf(rest, this.previous)) {
      const seq = best.claimed as number;
      const stored = hexOf(rest.leaf as Uint8Array);
      const reason = `two entries of seq ${seq} both follow the one before`;
      this.findings.add({
        class: 'forked',
        seq,
        ...eventId(rest),
        stored,
        recomputed: hexOf(best.leaf as Uint8Array),
        reason,
      });
    } else {
      this.reconciliation.stray(rest);
    }
  }

  private fitOf(reading: Reading): number {
    const links = this.candidates().some((candidate) => linkOf(reading, candidate) !== undefined);
    const faults = reading.placeFaults.length + reading.columnFaults.length + (reading.agrees ? 0 : 1);
    return (links ? 1000 : 0) - Math.min(faults, 500);
  }

  private candidates(): (Uint8Array | undefined)[] {
    const { doubt } = this;
    if (doubt === undefined) return [this.previous, ...this.recent.map(({ before }) => before)];
    const { leaf, storedLeaf, storedChain } = doubt.reading;
    return [...[leaf, storedLeaf].map((hash) => chained(doubt.before, hash)), storedChain, doubt.before];
  }

  private settleHeld(): void {
    const reading = this.held;
    if (reading === undefined) return;
    this.held = undefined;
    const gap = (reading.claimed as number) - this.expected();
    if (gap > 0) this.openGap(gap);
    if (this.doubt !== undefined) this.settleAfterDoubt(reading, this.doubt);
    else this.settle(reading);
  }

  /** The first entry after a part that was not read: nothing but its own leaf hash says what its bytes were. */
  private settleUnlinked(reading: Reading): void {
    const { leaf, agrees, storedChain } = reading;
    this.unread = false;
    if (agrees) return this.append(reading, leaf as Uint8Array, storedChain);
    const lost: LostLeaf = { hash: likelyLeaf(reading), guess: true };
    this.reconciliation.edited({ position: this.position, reading, lost, fields: ['bytes'] });
    this.append(reading, lost, storedChain);
  }

  private settle(reading: Reading): void {
    if (this.unread) return this.settleUnlinked(reading);
    const link = linkOf(reading, this.previous);
    if (link !== undefined) return this.accept(reading, link);
    const inserted = this.insertedBefore(reading);
    if (inserted > 0) {
      this.takeBack(inserted);
      return this.settle(reading);
    }
    const moved = this.shift > 0 ? this.reconciliation.takeStray(this.previous) : undefined;
    if (moved !== undefined) {
      this.putBack(moved);
      return this.settle(reading);
    }
    this.doubt = { reading, before: this.previous };
  }

  /** How many of the last entries must be left out for this one to follow; 0 when that does not help. */
  private insertedBefore(reading: Reading): number {
    const at = this.recent.findLastIndex(({ before }) => linkOf(reading, before) !== undefined);
    return at < 0 ? 0 : this.recent.length - at;
  }

  private takeBack(count: number): void {
    const inserted = this.recent.splice(this.recent.length - count);
    this.previous = inserted[0]?.before;
    this.position -= count;
    this.shift += count;
    for (const { reading } of inserted) this.addInserted(reading);
  }

  /** An entry that stood earlier than it belongs, and so looked inserted there, belongs here. */
  private putBack(moved: Reading): void {
    this.reconciliation.moved(this.position, moved);
    this.recent.push({ reading: moved, node: moved.leaf ?? (moved.storedLeaf as Uint8Array), before: this.previous });
    this.previous = moved.storedChain;
    this.position += 1;
    this.shift -= 1;
  }

  private settleAfterDoubt(reading: Reading, doubt: Doubt): void {
    const { before, reading: last } = doubt;
    if (linkOf(reading, chained(before, last.leaf))) {
      this.acceptAs(doubt, ['chain_hash'], last.leaf as Uint8Array, chained(before, last.leaf));
    } else if (linkOf(reading, chained(before, last.storedLeaf))) {
      this.acceptAs(doubt, ['bytes', 'chain_hash'], last.storedLeaf as Uint8Array, chained(before, last.storedLeaf));
    } else if (linkOf(reading, last.storedChain)) {
      this.acceptStoredChain(doubt, reading);
    } else if (linkOf(reading, before)) {
      this.doubt = undefined;
      this.previous = before;
      this.shift += 1;
      this.reconciliation.stray(last);
    } else {
      this.giveUpDoubt(doubt);
    }
    if (this.doubt === undefined) this.settle(reading);
  }

  private accept(reading: Reading, link: 'bytes' | 'stored'): void {
    const { leaf, storedLeaf, storedChain, agrees } = reading;
    if (link === 'stored') {
      this.reconciliation.edited({ position: this.position, reading, expected: storedLeaf, fields: ['bytes'] });
    } else if (!agrees) {
      this.faults.addFields(this.position, reading, [{ field: 'leaf_hash', ...hashes(storedLeaf, leaf) }]);
    }
    this.append(reading, (link === 'bytes' ? leaf : storedLeaf) as Uint8Array, storedChain, link === 'bytes');
  }

  private acceptAs({ reading }: Doubt, fields: string[], node: Uint8Array, chain: Uint8Array | undefined): void {
    this.doubt = undefined;
    const { leaf, storedLeaf, storedChain, agrees } = reading;
    if (fields.includes('bytes')) {
      this.reconciliation.edited({ position: this.position, reading, expected: node, fields });
    } else {
      const alsoLeaf = agrees ? [] : [{ field: 'leaf_hash', ...hashes(storedLeaf, leaf) }];
      this.faults.addFields(this.position, reading, [
        { field: 'chain_hash', ...hashes(storedChain, chain) },
        ...alsoLeaf,
      ]);
    }
    this.append(reading, node, chain, !fields.includes('bytes'));
  }

  /** The next entry follows from the doubtful one's stored chain hash, so that hash is the original one. */
  private acceptStoredChain(doubt: Doubt, next: Reading): void {
    const { reading, before } = doubt;
    this.doubt = undefined;
    const ahead = (reading.idSeq ?? 0) - (reading.claimed as number);
    if (before !== undefined && ahead > 0 && (next.idSeq ?? 0) - (next.claimed as number) === ahead) {
      // Its own `_id` and the next one's say that entries before it were taken out and the rest renumbered.
      this.openGap(ahead);
      this.shift -= ahead;
      return this.acceptStoredChain({ reading, before: undefined }, next);
    }
    const lost: LostLeaf = { hash: likelyLeaf(reading), guess: true };
    if (before === undefined) this.reconciliation.resumed(this.position, reading, lost);
    else this.reconciliation.edited({ position: this.position, reading, before, lost, next: true, fields: ['bytes'] });
    this.append(reading, lost, reading.storedChain);
  }

  /** Neither side links to it: its place is a hole, and what is in it is matched with other holes at the end. */
  private giveUpDoubt({ reading, before }: Doubt): void {
    this.doubt = undefined;
    this.previous = before;
    this.openGap(1);
    this.reconciliation.stray(reading);
  }

  private openGap(length: number): void {
    this.unread = false;
    if (this.doubt !== undefined) this.resolveDoubtBeforeGap(this.doubt);
    for (const settled of this.recent.splice(0)) this.seal(settled);
    const lost = this.reconciliation.hole(this.position, length, this.previous);
    this.audit.gap(this.position, length, lost);
    if (lost === undefined) this.tree.giveUp(length);
    for (const leaf of lost ?? []) this.pushTree(leaf);
    this.judge.treeGrew();
    this.position += length;
    this.previous = undefined;
  }

  private resolveDoubtBeforeGap(doubt: Doubt): void {
    const { reading, before } = doubt;
    this.doubt = undefined;
    const lost: LostLeaf = { hash: likelyLeaf(reading), guess: true };
    if (before === undefined) this.reconciliation.resumed(this.position, reading, lost);
    else this.reconciliation.edited({ position: this.position, reading, before, lost, fields: [] });
    this.append(reading, lost, reading.storedChain);
  }

  private takeStraysAtEnd(): void {
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) {
      if (this.shift > 0) {
        this.putBack(next);
      } else {
        this.reconciliation.place(this.position, next);
        this.recent.push({ reading: next, node: next.leaf ?? (next.storedLeaf as Uint8Array), before: this.previous });
        this.previous = next.storedChain;
        this.position += 1;
      }
    }
  }

  private takeNext(): Reading | undefined {
    return this.reconciliation.takeStray(this.previous);
  }

  private resolveDoubtAtEnd(sealed: number): void {
    const { doubt } = this;
    if (doubt === undefined) return;
    if (this.reconciliation.fitsHole(doubt.reading)) {
      this.doubt = undefined;
      return this.reconciliation.stray(doubt.reading);
    }
    if (doubt.before !== undefined && doubt.reading.agrees && this.position >= sealed) {
      this.doubt = undefined;
      this.previous = doubt.before;
      this.addInserted(doubt.reading);
    } else {
      this.resolveDoubtBeforeGap(doubt);
    }
  }

  private append(reading: Reading, node: TreeNode, chain: Uint8Array | undefined, bytesHold = reading.agrees): void {
    this.recent.push({ reading, node, before: this.previous });
    this.previous = chain;
    this.addFaults(this.position, reading, bytesHold);
    this.position += 1;
    if (this.recent.length > WINDOW) this.seal(this.recent.shift() as Settled);
  }

  private seal(settled: Settled): void {
    const { node, reading } = settled;
    const seq = this.tree.size;
    const bytesHold = node instanceof Uint8Array && reading.leaf !== undefined && equalBytes(node, reading.leaf);
    if (reading.statement !== undefined && bytesHold) this.trust.add({ ...reading.statement, seq });
    if (reading.reopening !== undefined && bytesHold) this.incarnations.add({ ...reading.reopening, seq });
    this.audit.settle(seq, settled);
    this.pushTree(node);
  }

  private pushTree(node: TreeNode): void {
    this.tree.append(node);
    this.judge.treeGrew();
  }

  addFaults(position: number, reading: Reading, bytesHold: boolean): void {
    this.faults.add(position, reading, { bytesHold, renumbered: this.shift !== 0 });
  }

  private addInserted(reading: Reading): void {
    this.findings.add({
      class: 'inserted',
      ...(reading.claimed !== undefined && { seq: reading.claimed }),
      ...eventId(reading),
      reason: 'an entry that does not belong to the chain',
    });
  }
}

const isPlain = ({ reading, node }: Settled): boolean => node === reading.leaf && isClean(reading);

const chained = (before: Uint8Array | undefined, leaf: Uint8Array | undefined): Uint8Array | undefined =>
  before && leaf && chainHash(before, leaf);

/** Bytes that agree with the columns are likelier the original than a hash that agrees with nothing. */
const likelyLeaf = ({ leaf, storedLeaf, columnFaults }: Reading): Uint8Array | undefined =>
  leaf !== undefined && columnFaults.length === 0 ? leaf : (storedLeaf ?? leaf);

function hashes(stored: Uint8Array | undefined, recomputed: Uint8Array | undefined): Omit<FieldFault, 'field'> {
  return { ...(stored && { stored: hexOf(stored) }), ...(recomputed && { recomputed: hexOf(recomputed) }) };
}
