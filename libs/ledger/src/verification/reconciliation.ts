import { equalBytes, hexOf } from '../bytes.js';
import { chainHash } from '../hashes.js';
import type { LostLeaf } from './lossy-tree.js';
import { linkOf } from './reading.js';
import type { Reading } from './reading.js';
import type { BreakVerdict, Finding } from './report.types.js';

/** An entry whose content is not what was appended at its place. */
export interface ContentFault {
  position: number;
  reading: Reading;
  fields: string[];
  /** Leaf hash that belongs here, where an independent copy of it is left. */
  expected?: Uint8Array | undefined;
  /** Without such a copy: the chain hash before it, and the leaf's place in the tree. */
  before?: Uint8Array;
  lost?: LostLeaf;
  /** True when the entry after it follows from its stored chain hash. */
  next?: true;
  /** Whose word `expected` is, where it is not the chain's. */
  by?: string;
  verdict?: BreakVerdict;
  /** With `by`: the chain hash that this entry, as it stands, follows from. */
  follows?: Uint8Array | undefined;
}

/** Places with no entry that fits. `from` moves up as entries are found. */
interface Hole {
  start: number;
  from: number;
  to: number;
  before: Uint8Array | undefined;
  leaves: LostLeaf[];
  after?: { position: number; reading: Reading; lost: LostLeaf };
}

/** So many doubtful documents are matched with each other; beyond it each is reported by itself. */
const MAX_KEPT = 256;
/** A longer gap is not kept leaf by leaf. */
const MAX_GAP = 1024;

/**
 * Matches documents that did not fit where they were with places that are empty: a chain hash that follows from the one
 * before a hole proves that the document belongs there, whatever seq it claims now. What is left is edited (a document
 * in its own place that fits nothing), inserted (a document without a place) or deleted (a place without a document).
 */
export class Reconciliation {
  private strays: Reading[] = [];
  private lastMatch = 0;
  private newest = 0;
  private readonly holes: Hole[] = [];
  private faults: ContentFault[] = [];
  private readonly placed: { position: number; reading: Reading }[] = [];
  /** Leaf hashes seen in doubtful documents. */
  private readonly pool: Uint8Array[] = [];

  constructor(
    private readonly add: (finding: Finding) => void,
    private readonly addFieldBreaks: (position: number, reading: Reading) => void,
  ) {}

  isEmpty(): boolean {
    return this.strays.length + this.holes.length + this.faults.length + this.placed.length === 0;
  }

  stray(reading: Reading): void {
    if (this.strays.length >= MAX_KEPT) return this.addInserted(reading);
    this.strays.push(reading);
    this.remember(reading);
  }

  edited(fault: ContentFault): void {
    if (this.faults.length >= MAX_KEPT) return this.addEdited(fault);
    this.faults.push(fault);
    this.remember(fault.reading);
  }

  /** Opens a hole and returns its leaves for the tree; undefined when it is too long to keep them. */
  hole(position: number, length: number, before: Uint8Array | undefined): LostLeaf[] | undefined {
    const kept = length <= MAX_GAP && this.holes.length < MAX_KEPT;
    const leaves = kept ? Array.from({ length }, (): LostLeaf => ({ guess: false })) : [];
    const last = this.holes.at(-1);
    if (before === undefined && last?.to === position - 1) {
      last.to += length;
      last.leaves.push(...leaves);
    } else if (this.holes.length < MAX_KEPT * 4) {
      this.holes.push({ start: position, from: position, to: position + length - 1, before, leaves });
    } else {
      this.addDeleted(position, position + length - 1);
    }
    return kept ? leaves : undefined;
  }

  /** The entry that follows a hole: the chain is taken up at its stored chain hash, unchecked until the hole is filled. */
  resumed(position: number, reading: Reading, lost: LostLeaf): void {
    const hole = this.holes.at(-1);
    if (hole?.to === position - 1) hole.after = { position, reading, lost };
    this.remember(reading);
  }

  /** Takes the document set aside that follows from this chain hash. */
  takeStray(before: Uint8Array | undefined): Reading | undefined {
    const at = this.strays.findIndex((stray) => linkOf(stray, before) !== undefined);
    return at < 0 ? undefined : this.strays.splice(at, 1)[0];
  }

  fitsHole(reading: Reading): boolean {
    return this.holes.some(({ before }) => linkOf(reading, before) !== undefined);
  }

  /** A document that was set aside was found to belong at `position`. */
  place(position: number, reading: Reading): void {
    this.placed.push({ position, reading });
  }

  /** It stood elsewhere, and what is between the two places stood one place off. */
  moved(position: number, { claimed = position }: Reading): void {
    this.addReordered([position, claimed].sort((a, b) => a - b));
  }

  /** Fills holes until nothing more fits. Call before the roots are compared. */
  finish(): void {
    let progress = true;
    while (progress) {
      const steps = this.holes.map((hole) => this.fillOne(hole));
      progress = steps.includes(true);
    }
    for (const fault of this.faults) this.findExpected(fault);
  }

  /** Reports everything kept. Call after the roots were compared: a matching root confirms a guessed leaf. */
  report({ lastMatch, newest }: { lastMatch: number; newest: number }): void {
    this.lastMatch = lastMatch;
    this.newest = newest;
    this.takeWordOfTiles();
    const moved = this.reportReordered();
    for (const { position, reading } of this.placed) if (!moved.has(position)) this.reportPlaced(position, reading);
    for (const fault of this.faults) if (!moved.has(fault.position)) this.addEdited(fault);
    const open = this.holes.filter(({ from, to }) => from <= to);
    const taken = new Set<number>();
    for (const reading of this.strays) this.reportStray(reading, open, taken);
    for (const { from, to } of open) this.reportDeleted(from, to, taken);
  }

  /** What a tile tells of a lost leaf, where a root has confirmed it; and faults that were only those of the entry before. */
  private takeWordOfTiles(): void {
    for (const fault of this.faults) {
      const { lost, reading } = fault;
      const confirmed =
        lost?.tile !== undefined && !lost.guess && lost.hash !== undefined && equalBytes(lost.hash, lost.tile);
      if (fault.expected !== undefined || !confirmed) continue;
      if (reading.leaf === undefined || !equalBytes(reading.leaf, lost.hash as Uint8Array)) {
        Object.assign(fault, { expected: lost.hash, by: 'by the leaf tile' });
      }
    }
    const chains = this.chainsByTiles();
    this.faults = this.faults.filter(
      ({ position, reading, by }) => by !== undefined || linkOf(reading, chains.get(position)) === undefined,
    );
  }

  /** The chain hash before each place that follows an entry which the tiles tell was another. */
  private chainsByTiles(): Map<number, Uint8Array> {
    const chains = new Map<number, Uint8Array>();
    const told = this.faults.filter(({ by }) => by !== undefined).sort((a, b) => a.position - b.position);
    for (const { position, expected, follows } of told) {
      const before = chains.get(position) ?? follows;
      if (before && expected) chains.set(position + 1, chainHash(before, expected));
    }
    return chains;
  }

  private fillOne(hole: Hole): boolean {
    if (hole.before === undefined || hole.from > hole.to) return false;
    const stray = this.takeStray(hole.before);
    if (stray !== undefined) {
      const leaf = linkOf(stray, hole.before) === 'bytes' ? stray.leaf : stray.storedLeaf;
      this.placed.push({ position: hole.from, reading: stray });
      this.advance(hole, leaf as Uint8Array, stray.storedChain);
      return true;
    }
    return this.fillByContent(hole, hole.before);
  }

  /** The document in its own place kept its chain hash, but the content that goes with it is now elsewhere. */
  private fillByContent(hole: Hole, before: Uint8Array): boolean {
    for (const reading of this.strays) {
      const { storedChain } = reading;
      if (reading.claimed !== hole.from || storedChain === undefined) continue;
      const expected = this.pool.find((leaf) => equalBytes(chainHash(before, leaf), storedChain));
      if (expected === undefined) continue;
      this.strays = this.strays.filter((stray) => stray !== reading);
      this.faults.push({ position: hole.from, reading, expected, fields: ['bytes'] });
      this.advance(hole, expected, storedChain);
      return true;
    }
    return false;
  }

  private advance(hole: Hole, leaf: Uint8Array, chain: Uint8Array | undefined): void {
    const lost = hole.leaves[hole.from - hole.start];
    if (lost !== undefined) Object.assign(lost, { hash: leaf, guess: false });
    hole.from += 1;
    hole.before = chain;
    if (hole.from > hole.to && hole.after !== undefined && chain !== undefined) this.closeHole(hole.after, chain);
  }

  /** The hole is filled, so the entry after it can be checked at last. */
  private closeHole({ position, reading, lost }: NonNullable<Hole['after']>, before: Uint8Array): void {
    const link = linkOf(reading, before);
    lost.guess = link === undefined;
    if (link !== undefined) lost.hash = link === 'bytes' ? reading.leaf : reading.storedLeaf;
    if (link === 'stored') this.faults.push({ position, reading, expected: reading.storedLeaf, fields: ['bytes'] });
    if (link === undefined) this.faults.push({ position, reading, before, lost, fields: ['bytes'] });
  }

  private findExpected(fault: ContentFault): void {
    const { before, lost, reading } = fault;
    const { storedChain } = reading;
    if (fault.expected !== undefined || before === undefined || lost === undefined || storedChain === undefined) return;
    fault.expected = this.pool.find((leaf) => equalBytes(chainHash(before, leaf), storedChain));
    if (fault.expected === undefined) return;
    lost.hash = fault.expected;
    lost.guess = false;
  }

  /** Finds the circles of places that hold each other's entries; returns the places in them. */
  private reportReordered(): Set<number> {
    const expectedAt = new Map<string, number>();
    const foundAt = new Map<number, string>();
    for (const { position, reading } of this.placed) {
      const leaf = hexOf(reading.leaf ?? new Uint8Array(0));
      expectedAt.set(leaf, position);
      if (reading.claimed !== undefined && reading.claimed !== position) foundAt.set(reading.claimed, leaf);
    }
    for (const { position, reading, expected } of this.faults) {
      if (expected === undefined || reading.leaf === undefined) continue;
      expectedAt.set(hexOf(expected), position);
      foundAt.set(position, hexOf(reading.leaf));
    }
    const moved = new Set<number>();
    for (const start of foundAt.keys()) {
      const circle = circleFrom(start, (position) => expectedAt.get(foundAt.get(position) ?? ''));
      if (circle.length < 2 || moved.has(start)) continue;
      for (const position of circle) moved.add(position);
      this.addReordered(circle.sort((a, b) => a - b));
    }
    return moved;
  }

  private addReordered(seqs: number[]): void {
    this.add({
      class: 'reordered',
      from: seqs[0],
      to: seqs.at(-1),
      seqs,
      reason: `the entries of seq ${seqs.join(', ')} stand in each other's places`,
    });
  }

  private reportPlaced(position: number, reading: Reading): void {
    const { claimed, idSeq } = reading;
    if (claimed === position) return this.addFieldBreaks(position, reading);
    if (claimed !== undefined && idSeq === claimed) return this.addReordered([position, claimed].sort((a, b) => a - b));
    this.add({
      class: 'edited',
      seq: position,
      ...(reading.eventId !== undefined && { event_id: reading.eventId }),
      field: 'seq',
      ...(claimed !== undefined && { stored: String(claimed) }),
      recomputed: String(position),
      reason: 'the chain puts the entry here, its seq elsewhere',
    });
  }

  private reportStray(reading: Reading, open: readonly Hole[], taken: Set<number>): void {
    const isOpen = (seq: number | undefined): seq is number =>
      seq !== undefined && !taken.has(seq) && open.some(({ from, to }) => from <= seq && seq <= to);
    const position = [reading.claimed, reading.idSeq].find(isOpen);
    if (position === undefined) return this.addInserted(reading);
    taken.add(position);
    this.addEdited({ position, reading, fields: [position === reading.claimed ? 'bytes' : 'seq'] });
    const after = open.find(({ to }) => to === position)?.after;
    // It is whole in itself but its chain hash leads neither in nor out, so the one after it is as doubtful.
    if (after && reading.agrees && !linkOf(after.reading, reading.storedChain)) {
      this.addEdited({ position: after.position, reading: after.reading, fields: ['bytes'] });
    }
  }

  private reportDeleted(from: number, to: number, taken: ReadonlySet<number>): void {
    let start = from;
    for (const seq of [...taken].filter((place) => place >= from && place <= to).sort((a, b) => a - b)) {
      if (start < seq) this.addDeleted(start, seq - 1);
      start = seq + 1;
    }
    if (start <= to) this.addDeleted(start, to);
  }

  private addDeleted(from: number, to: number): void {
    const place = from === to ? { seq: from } : { from, to };
    this.add({ class: 'deleted', ...place, reason: 'no entry is left that fits here' });
  }

  private addInserted({ claimed, idSeq, eventId }: Reading): void {
    const seq = claimed ?? idSeq;
    this.add({
      class: 'inserted',
      ...(seq !== undefined && { seq }),
      ...(eventId !== undefined && { event_id: eventId }),
      reason: 'an entry that does not belong to the chain',
    });
  }

  private addEdited({ position, reading, fields, expected, before, lost, next, by, verdict }: ContentFault): void {
    const { leaf, storedLeaf, storedChain, eventId } = reading;
    // A root that matches with the bytes' own leaf hash has shown that only the chain hash beside them was changed.
    const bytesHold =
      lost?.guess === false && lost.hash !== undefined && leaf !== undefined && equalBytes(lost.hash, leaf);
    const field = bytesHold ? 'chain_hash' : fields[0];
    const stored = field === 'chain_hash' ? storedChain : (expected ?? storedLeaf);
    if (this.isEither(position, { expected, before, lost, next }, bytesHold)) {
      const reason = `entry ${position} does not follow from entry ${position - 1}: one of the two was replaced`;
      return this.add({ class: 'edited', from: position - 1, to: position, reason });
    }
    this.add({
      class: 'edited',
      seq: position,
      ...(eventId !== undefined && { event_id: eventId }),
      ...(field !== undefined && { field }),
      ...(stored && { stored: hexOf(stored) }),
      ...(leaf && field !== 'chain_hash' && { recomputed: hexOf(leaf) }),
      ...(verdict && { verdict }),
      reason: expected
        ? `${by ? `${by}, ` : ''}the bytes do not have the leaf hash that was appended here`
        : 'the entry does not follow from the one before',
    });
  }

  /**
   * An entry rewritten together with its own hashes and an entry after it rewritten without its chain hash leave the
   * same store. A root that still matches below the second one tells them apart; so does nothing else.
   */
  private isEither(
    position: number,
    fault: Pick<ContentFault, 'expected' | 'before' | 'lost' | 'next'>,
    bytesHold: boolean,
  ): boolean {
    const lostHere =
      fault.before !== undefined && fault.lost !== undefined && fault.expected === undefined && !bytesHold;
    return lostHere && position > 0 && this.lastMatch !== position && (fault.next === true || position < this.newest);
  }

  private remember({ leaf }: Reading): void {
    if (leaf !== undefined && this.pool.length < MAX_KEPT) this.pool.push(leaf);
  }
}

function circleFrom(start: number, next: (position: number) => number | undefined): number[] {
  const circle = [start];
  for (let at = next(start); at !== start; at = next(at)) {
    if (at === undefined || circle.includes(at)) return [];
    circle.push(at);
  }
  return circle;
}
