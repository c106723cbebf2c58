import { bytesOfHex, equalBytes, hexOf } from '../bytes.js';
import { claimOfNote, claimState, verdictBy } from './claim.js';
import type { Claim, ClaimState } from './claim.js';
import { forkFinding, mismatchFinding } from './contradictions.js';
import type { Contradiction } from './contradictions.js';
import type { Incarnations } from './incarnations.js';
import type { KeyRecord } from './key-record.js';
import type { KeyTrust } from './key-trust.js';
import { rootOfSnapshot } from './lossy-tree.js';
import type { LossyTree, TreeSnapshot } from './lossy-tree.js';
import type { Finding } from './report.types.js';
import type { TileAudit } from './tile-audit.js';

export interface JudgeState {
  checked: number;
  matched: number;
  last_anchored: number;
  /** The largest that matched. */
  matching: ClaimState | undefined;
  newest: ClaimState | undefined;
  keys_used: string[];
  waiting: ClaimState[];
  /** Sizes and roots of marks that matched. */
  marks: { size: number; root: string }[];
}

/** So many roots wait for a lost leaf; more are not compared. */
const MAX_UNDECIDED = 1024;

/**
 * Judges claims about roots: signatures of checkpoints when they come in, roots when a tree reaches their size. Keeps
 * only claims that no tree has reached, and snapshots of those that wait for a lost leaf.
 */
export class CheckpointJudge {
  checked = 0;
  matchedCheckpoints = 0;
  notComparable = 0;
  /** Size of the largest tree whose root matched, by a checkpoint or the mark, and by an anchor. */
  lastMatch = 0;
  lastAnchored = 0;
  /** The newest checkpoint whose signature holds under a key that is known. */
  newest: Claim | undefined;
  readonly keysUsed = new Set<string>();
  private waiting: Claim[] = [];
  /** Claims that the tree by the tiles has not reached; undefined while there is none. */
  private waitingByTiles: Claim[] | undefined;
  private undecided: { claim: Claim; snapshot: TreeSnapshot }[] = [];
  private failing: Contradiction | undefined;
  private failingAnchor: Contradiction | undefined;
  private matching: Claim | undefined;
  /** Up to here a part of the tree was given by hashes only. */
  private passedTo = 0;
  private lastFailed: Claim | undefined;
  /** Marks whose root matched. */
  readonly marks: { size: number; root: string }[] = [];

  constructor(
    private readonly incarnations: Incarnations,
    private readonly tree: LossyTree,
    private readonly trust: KeyTrust,
    private readonly audit: TileAudit,
    private readonly found: (finding: Finding) => void,
  ) {}

  /** Takes the text of a signed note, in order of size and before the tree passes it. */
  addNote(note: unknown): void {
    this.checked += 1;
    const claim = claimOfNote(note, this.incarnations, this.trust);
    if ('class' in claim) return this.found(claim);
    for (const { name } of claim.signers) this.keysUsed.add(name);
    if (claim.size >= (this.newest?.size ?? 0)) this.newest = claim;
    this.add(claim);
  }

  add(claim: Claim): void {
    insert(this.waiting, claim);
    if (this.waitingByTiles) insert(this.waitingByTiles, claim);
    this.treeGrew();
  }

  /** What is decided and what waits; undefined when anything does not agree, or waits for a lost leaf. */
  state(): JudgeState | undefined {
    const odd = this.failing ?? this.failingAnchor ?? this.lastFailed;
    if (odd !== undefined || this.undecided.length > 0 || this.notComparable > 0) return undefined;
    return {
      checked: this.checked,
      matched: this.matchedCheckpoints,
      last_anchored: this.lastAnchored,
      matching: this.matching && claimState(this.matching),
      newest: this.newest && claimState(this.newest),
      keys_used: [...this.keysUsed],
      waiting: this.waiting.filter(({ by }) => by === 'checkpoint').map(claimState),
      marks: this.marks,
    };
  }

  restore(state: JudgeState): void {
    this.checked = state.checked;
    this.matchedCheckpoints = state.matched;
    this.lastAnchored = state.last_anchored;
    this.matching = state.matching && this.claimOf(state.matching);
    this.lastMatch = this.matching?.size ?? 0;
    this.newest = state.newest && this.claimOf(state.newest);
    for (const name of state.keys_used) this.keysUsed.add(name);
    for (const claim of state.waiting) this.add(this.claimOf(claim));
    this.marks.push(...state.marks);
  }

  private claimOf({ root, signers, ...rest }: ClaimState): Claim {
    const records = this.trust.records.filter(({ name }) => signers.includes(name));
    return { ...rest, root: bytesOfHex(root) as Uint8Array, signers: records };
  }

  /** Whether a segment from here on stops at every size that has a claim waiting. */
  canPass(from: number, pieces: readonly { to: number }[]): boolean {
    const end = pieces.at(-1)?.to ?? from;
    const within = this.waiting.filter(({ size }) => size > from && size < end);
    return within.every(({ size }) => pieces.some(({ to }) => to === size));
  }

  /** Called after every leaf of the tree by the entries. */
  treeGrew(): void {
    while (this.waiting[0] !== undefined && this.waiting[0].size <= this.tree.size) {
      this.decide(this.waiting.shift() as Claim);
    }
    if (this.audit.byTiles === undefined) this.waitingByTiles = undefined;
  }

  /** The trees part: called before their first leaf that differs. */
  treesPart(): void {
    this.waitingByTiles = [...this.waiting];
  }

  /** Called after every leaf of the tree by the tiles. */
  byTilesGrew(tree: LossyTree): void {
    const { waitingByTiles: waiting } = this;
    while (waiting?.[0] !== undefined && waiting[0].size <= tree.size) {
      const claim = waiting.shift() as Claim;
      const snapshot = tree.snapshot();
      claim.byTiles = { root: snapshot && rootOfSnapshot(snapshot) };
      if (sameRoot(claim, claim.byTiles.root)) {
        if (this.take(claim)) this.audit.tilesAreRight(claim.size, verdictBy(claim));
      } else if (claim.byEntries !== undefined) {
        this.fail(claim, claim.byEntries.root);
      }
    }
  }

  /** Decides what waited for lost leaves, and returns the claims beyond the end of both trees. */
  finish(): Claim[] {
    for (const { claim, snapshot } of this.undecided) this.compare(claim, snapshot, true);
    for (const claim of this.waitingByTiles ?? []) if (claim.byEntries) this.fail(claim, claim.byEntries.root);
    const beyond = this.waiting.filter((claim) => !sameRoot(claim, claim.byTiles?.root));
    for (const one of [this.failing, this.failingAnchor]) {
      if (one !== undefined)
        this.found(mismatchFinding(one, { aboutTiles: this.audit.aboutTiles(), passed: this.passedTo > one.from }));
    }
    return beyond.filter((claim) => this.counts(claim));
  }

  private decide(claim: Claim): void {
    if (claim.incarnation !== undefined && !this.fits(claim.incarnation, claim)) {
      return this.foundIncarnation(claim, claim.incarnation);
    }
    const snapshot = this.tree.size === claim.size ? this.tree.snapshot() : undefined;
    if (snapshot !== undefined) return this.compare(claim, snapshot, false);
    if (this.tree.size === claim.size) return this.entriesFail(claim, undefined);
    this.found({
      class: 'checkpoint_invalid',
      field: 'size',
      checkpoint: claim.size,
      reason: `a checkpoint of size ${claim.size} was stored among those of ${this.tree.size} and more`,
    });
  }

  /** A new incarnation is marked at the size that it goes on from, before its first entry: `judgeMark` looks for that. */
  private fits(incarnation: number, { size, by }: Claim): boolean {
    const found = this.incarnations.at(size);
    return incarnation === found || (by === 'high water' && incarnation > found);
  }

  /** At the end, of the mark of an incarnation at a size that the tree has reached: an entry has to have opened it. */
  judgeMark(incarnation: number, size: number): void {
    const opened = this.incarnations.at(Number.MAX_SAFE_INTEGER);
    if (incarnation > opened) this.foundIncarnation({ size, by: 'high water' }, incarnation);
  }

  private foundIncarnation({ size, by }: Pick<Claim, 'size' | 'by'>, incarnation: number): void {
    const [stored, recomputed] = [incarnation, this.incarnations.at(size)].map((one) =>
      this.incarnations.originOf(one),
    );
    const what = by === 'checkpoint' ? 'the checkpoint' : "the signer's high-water mark";
    this.found({
      class: 'checkpoint_invalid',
      field: 'origin',
      checkpoint: size,
      ...(stored && { stored }),
      ...(recomputed && { recomputed }),
      reason: `${what} of size ${size} is of another incarnation than the entries say`,
    });
  }

  /** Roots between here and `to` cannot be told, and none is missed: nothing was asked about them. */
  treePasses(to: number): void {
    const kept = this.waiting.filter(({ size }) => size <= this.tree.size || size >= to);
    this.checked -= this.waiting.filter((claim) => claim.by === 'checkpoint' && !kept.includes(claim)).length;
    this.waiting = kept;
    this.isPassed(to);
  }

  /** The tree is given up to `to` by hashes of entries that were not read: where no root matches, either may be wrong. */
  isPassed(to: number): void {
    this.passedTo = to;
  }

  private compare(claim: Claim, snapshot: TreeSnapshot, final: boolean): void {
    const root = rootOfSnapshot(snapshot);
    const below = this.tree.lost.slice(0, snapshot.lost);
    if (sameRoot(claim, root)) {
      for (const leaf of below) leaf.guess = false;
      if (this.take(claim)) this.audit.entriesAreRight(claim.size, verdictBy(claim), claim.by === 'anchor');
      return;
    }
    const unsure = root === undefined || below.some(({ guess }) => guess);
    if (unsure && !final && this.undecided.length < MAX_UNDECIDED) this.undecided.push({ claim, snapshot });
    else this.entriesFail(claim, unsure ? undefined : root);
  }

  /** The tree by the tiles may still have the root. */
  private entriesFail(claim: Claim, root: Uint8Array | undefined): void {
    claim.byEntries = { root };
    const open = this.audit.byTiles !== undefined && this.waitingByTiles?.includes(claim);
    if (!open && !sameRoot(claim, claim.byTiles?.root)) this.fail(claim, root);
  }

  /** A tree has the root; false when who claims it does not count, so that it proves nothing. */
  private take(claim: Claim): boolean {
    const { size, by, anchor } = claim;
    if (by === 'checkpoint') this.matchedCheckpoints += 1;
    if (anchor !== undefined) {
      anchor.matched = true;
      this.lastAnchored = Math.max(this.lastAnchored, size);
    }
    if (!this.counts(claim)) return false;
    this.trust.matched(this.countingSigners(claim), size);
    if (this.failing !== undefined && this.failing.claim.size <= size) {
      this.found(forkFinding(this.failing.claim, claim));
      this.failing = undefined;
    }
    if (by === 'high water') this.marks.push({ size, root: hexOf(claim.root) });
    if (size >= this.lastMatch) this.matching = claim;
    this.lastMatch = Math.max(this.lastMatch, size);
    return true;
  }

  private fail(claim: Claim, root: Uint8Array | undefined): void {
    const { by, anchor } = claim;
    const counts = this.counts(claim);
    if (root === undefined) {
      if (by === 'checkpoint') this.notComparable += 1;
    } else if (anchor !== undefined) {
      anchor.matched = false;
      this.failingAnchor ??= { claim, root, from: this.lastAnchored };
    } else if (counts) {
      this.foundFailed(claim, root);
    }
  }

  private foundFailed(claim: Claim, root: Uint8Array): void {
    const { lastFailed, matching } = this;
    this.lastFailed = claim;
    if (matching !== undefined && matching.size >= claim.size) {
      this.found(forkFinding(claim, matching));
    } else if (lastFailed?.size === claim.size && !equalBytes(lastFailed.root, claim.root)) {
      this.found(forkFinding(claim, lastFailed));
    } else {
      this.failing ??= { claim, root, from: this.lastMatch };
    }
  }

  /** Whether the claim is evidence: a checkpoint of a key that counts for its size, a mark, or an independent anchor. */
  private counts(claim: Claim): boolean {
    if (claim.by === 'checkpoint') return this.countingSigners(claim).length > 0;
    return claim.anchor?.claim.independent !== false;
  }

  /** The log's own keys among the signers that count for this size; what the others signed is put aside. */
  private countingSigners({ signers, size }: Claim): KeyRecord[] {
    return signers.filter((record) => {
      const fault = this.trust.faultAt(record, size);
      if (fault === undefined) record.counted.add(size);
      else record.setAside(size, fault.fault, fault.why);
      return fault === undefined && record.key.algorithm === 'ed25519';
    });
  }
}

const sameRoot = ({ root }: Claim, other: Uint8Array | undefined): boolean =>
  other !== undefined && equalBytes(root, other);

function insert(claims: Claim[], claim: Claim): void {
  const at = claims.findIndex(({ size }) => size > claim.size);
  claims.splice(at < 0 ? claims.length : at, 0, claim);
}
