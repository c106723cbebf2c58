import { bytesOfHex, hexOf } from '../bytes.js';
import { LedgerError } from '../ledger.errors.js';
import { ArchiveLog } from './archive-log.js';
import { CheckpointJudge } from './checkpoint-judge.js';
import type { AnchorRecord, Claim } from './claim.js';
import { tailFinding, tileTailFinding } from './contradictions.js';
import { EntryWalk } from './entry-walk.js';
import { Findings } from './findings.js';
import { Incarnations } from './incarnations.js';
import { KeyTrust } from './key-trust.js';
import type { PlacedStatement } from './key-statements.js';
import { LeafTiles } from './leaf-tiles.js';
import { LossyTree } from './lossy-tree.js';
import { NO_EVENT_KEYS, readingOf } from './reading.js';
import { Reconciliation } from './reconciliation.js';
import { reportOf } from './report.js';
import type { SegmentDigest } from './segment.js';
import type {
  AnchorClaim,
  ArchiveFault,
  BatchPassed,
  LeafTile,
  SeqRange,
  SignedManifest,
  TileFault,
  VerificationReport,
  VerifierOptions,
} from './report.types.js';
import { TileAudit } from './tile-audit.js';
import { anchorState } from './verifier-state.js';
import type { AnchorState, VerifierState } from './verifier-state.js';

/**
 * Verifies one whole ledger in one pass, in memory that grows with the breaks found and not with the entries:
 *
 * 1. `anchor(claim)` for every copy of a root outside the store;
 * 2. `checkpoint(note)` for the stored checkpoints in order of size, each before the entry with seq = its size;
 * 3. `leafTile(tile)` for the leaf tiles in order, each before the entries of its range;
 * 4. `entry(document)` for the stored documents in order of seq, whatever they hold, with binary fields as Uint8Array;
 *    or `segment(digest)` for many at once, digested elsewhere;
 * 5. `finish()` for the report.
 *
 * Who does what: the walk settles which documents are the entries, and where; the judge compares roots; the audit
 * compares with leaf tiles; the trust decides which keys count; the reconciliation matches what is out of place.
 */
export class LedgerVerifier {
  private readonly findings: Findings;
  private readonly tree = new LossyTree();
  private readonly trust: KeyTrust;
  private readonly incarnations: Incarnations;
  private readonly tiles = new LeafTiles();
  private readonly audit: TileAudit;
  private readonly judge: CheckpointJudge;
  private readonly reconciliation: Reconciliation;
  private readonly walk: EntryWalk;
  private readonly archive: ArchiveLog;
  private readonly anchors: AnchorRecord[] = [];
  private mark: { incarnation: number; size: number } | undefined;
  /** Anchors that matched before this verifier was resumed. */
  private anchorsSeen: readonly AnchorState[] = [];

  constructor(private readonly options: VerifierOptions) {
    const { origin, keys, highWater } = options;
    const findings = (this.findings = new Findings(options.maxBreaks));
    this.archive = new ArchiveLog(findings);
    const { tree } = this;
    const trust = (this.trust = new KeyTrust(keys));
    const incarnations = (this.incarnations = new Incarnations(origin));
    const reconciliation = (this.reconciliation = new Reconciliation(
      (finding) => findings.add(finding),
      (position, reading) => this.walk.addFaults(position, reading, reading.agrees),
    ));
    const audit = (this.audit = new TileAudit(this.tiles, tree, findings, reconciliation));
    const judge = (this.judge = new CheckpointJudge(incarnations, tree, trust, audit, (finding) =>
      findings.add(finding),
    ));
    audit.judge = judge;
    this.walk = new EntryWalk(origin, { tree, judge, trust, incarnations, audit, reconciliation, findings });
    if (highWater) this.addHighWater(highWater);
  }

  /**
   * Goes on where another verifier stood: with the same options, the anchors given again, and then what comes after the
   * last segment or entry it took. Throws LEDGER.STATE_MISMATCH for a state of another ledger.
   */
  static resumed(options: VerifierOptions, state: VerifierState): LedgerVerifier {
    const { tenant, origin, highWater, ...rest } = options;
    if (state.version !== 2 || state.tenant !== tenant || state.origin !== origin) {
      const found = `version ${state.version} of ${state.tenant}, ${state.origin}`;
      throw new LedgerError('LEDGER.STATE_MISMATCH', `a state of version 2 of ${tenant}, ${origin}, found ${found}`);
    }
    const verifier = new LedgerVerifier({ tenant, origin, ...rest });
    verifier.restore(state);
    if (highWater) verifier.addHighWater(highWater);
    return verifier;
  }

  anchor(claim: AnchorClaim): void {
    const { size, root } = claim;
    const past = size <= this.tree.size && this.tree.size > 0;
    const seen = this.anchorsSeen.some(
      (one) => one.size === size && one.root === hexOf(root) && one.name === claim.name,
    );
    const anchor: AnchorRecord = { claim, matched: past && seen ? true : undefined };
    this.anchors.push(anchor);
    if (past) return;
    this.judge.add({ size: claim.size, root: claim.root, by: 'anchor', signers: [], anchor });
  }

  checkpoint(note: unknown): void {
    this.judge.addNote(note);
  }

  leafTile(tile: LeafTile): void {
    this.tiles.add(tile);
  }

  /**
   * Passes entries that are not asked for, `from` to before `to`, by the roots of the full subtrees over them (see
   * `subtreeRootsFrom`): before the first entry of the range, and after its last up to the size of a checkpoint. Not
   * trusted: with them the root must be the signed one.
   */
  outside({ from, to, nodes }: { from: number; to: number; nodes: readonly Uint8Array[] }): void {
    if (from >= this.walk.next) return this.walk.pass(from, to, nodes);
    this.cannotPass(from, to);
  }

  /**
   * Passes entries from seq `from` on that were archived and cannot be read, or have retired, by the leaf hashes that
   * tiles have of them. Not trusted either, but every root over them is compared.
   */
  outsideLeaves(from: number, hashes: readonly Uint8Array[]): void {
    const to = from + hashes.length;
    if (from < this.walk.next) return this.cannotPass(from, to);
    this.walk.passLeaves(from, hashes);
    this.archive.lost({ from, to: to - 1 }, 'tiles');
  }

  /** Passes entries, `from` to `to` - 1, of which nothing is left: no root over them can be compared. */
  outsideUnknown(from: number, to: number): void {
    if (from < this.walk.next) return this.cannotPass(from, to);
    this.walk.passUnknown(from, to);
    this.archive.lost({ from, to: to - 1 }, 'nothing');
  }

  /** An archived batch whose seqs were passed, whether its entries were read or not. */
  batch(batch: BatchPassed): void {
    this.archive.batch(batch);
  }

  /** The manifest of a batch, in order of seq, whose signature by one of the keys holds: whether the key counts is told. */
  manifest(manifest: SignedManifest): void {
    this.archive.manifest(manifest);
  }

  /** A batch that is not there any more, and rightly so: who calls has verified its tombstone. Before it is passed. */
  retired(range: SeqRange): void {
    this.archive.retire(range);
  }

  archiveFault(fault: ArchiveFault): void {
    this.archive.fault(fault);
  }

  entry(document: unknown): void {
    const { tenant, keys } = this.options;
    this.walk.entry(readingOf(document, tenant, keys.eventKeys ?? NO_EVENT_KEYS));
  }

  /**
   * Takes a clean run of entries whole; the report is the one that the entries one by one would give. False: it does not
   * follow here or something before it is in doubt; nothing was taken, and its documents go to `entry` one by one, after
   * its tiles to `leafTile`. Give the checkpoints of every size within it before.
   */
  segment(digest: SegmentDigest): boolean {
    const { from, to, tiles } = digest;
    if (!this.tiles.areAgreed(from, to, tiles) || !this.walk.segment(digest)) return false;
    this.tiles.addAgreed(tiles.filter((tile) => !this.tiles.has(tile)).length);
    this.tiles.pass(this.tree.size);
    return true;
  }

  /** Where this verifier stands; undefined unless nothing was found and nothing is open, as between clean segments. */
  state(): VerifierState | undefined {
    const { walk, judge, findings, tiles, audit } = this;
    const { tenant, origin, range } = this.options;
    const tree = this.tree.state();
    if (findings.total > 0 || !tiles.isEmpty || audit.byTiles || range || tree === undefined) return undefined;
    const [walkState, judgeState] = [walk.state(), judge.state()];
    if (walkState === undefined || judgeState === undefined) return undefined;
    return structuredClone({
      version: 2,
      tenant,
      origin,
      walk: walkState,
      tree: { size: tree.size, peaks: tree.peaks.map(hexOf) },
      judge: judgeState,
      trust: this.trust.state(),
      reopenings: this.incarnations.reopenings,
      kids: walk.faults.kids.all(),
      form_faults: findings.formFaults,
      tiles: { compared: tiles.compared, agreed: tiles.agreed },
      archive: this.archive.state(),
      anchors: this.anchors.filter(({ matched }) => matched === true).map(({ claim }) => anchorState(claim)),
    });
  }

  private restore(state: VerifierState): void {
    this.tree.restore({ size: state.tree.size, peaks: state.tree.peaks.map((peak) => bytesOfHex(peak) as Uint8Array) });
    this.trust.restore(state.trust);
    for (const reopening of state.reopenings) this.incarnations.add(reopening);
    this.judge.restore(state.judge);
    this.walk.restore(state.walk);
    for (const use of state.kids) this.walk.faults.kids.add(use);
    this.findings.addFormFaults(state.form_faults);
    this.tiles.compared = state.tiles.compared;
    this.tiles.agreed = state.tiles.agreed;
    this.archive.restore(state.archive);
    this.anchorsSeen = state.anchors;
  }

  /** A stored tile that is malformed, or does not agree with the tiles below it; only its reader can see it. */
  tileFault({ from, to, field, reason }: TileFault): void {
    this.findings.add({ class: 'tile_mismatch', from, to, field, reason });
  }

  /** A part of the store that could not be read: not tampering, but nothing is said about it either. */
  cannotRead(reason: string, range?: SeqRange): void {
    this.findings.add({ class: 'cannot_read', ...range, reason });
  }

  /** The report; `duration_ms` and the like are the caller's. The verifier takes nothing more after it. */
  finish(): VerificationReport {
    const { walk, judge, findings, trust, audit } = this;
    walk.finish(judge.newest?.size ?? Infinity);
    const beyond = judge.finish();
    const sealed = trust.newest(this.anchoredBefore);
    this.reconciliation.report({ lastMatch: judge.lastMatch, newest: sealed });
    audit.report();
    this.archive.finish(judge.lastMatch);
    const size = audit.sizeOf(walk.position);
    const { mark } = this;
    if (mark && mark.size <= size) judge.judgeMark(mark.incarnation, mark.size);
    const end = (this.options.range?.to ?? Infinity) + 1;
    const told = Math.min(this.tiles.finish(size), end);
    const claimed = beyond
      .map((claim) => ({ ...claim, size: Math.min(claim.size, end) }))
      .filter((claim) => claim.size > size);
    this.addTailBreak(claimed, size, told);
    for (const finding of walk.faults.kids.findings()) findings.add(finding);
    for (const finding of this.archive.keyFindings(trust, this.anchoredBefore)) findings.add(finding);
    for (const finding of trust.findings(walk.faults.kids.all(), this.anchoredBefore)) findings.add(finding);
    const claimedSize = Math.max(size, told, ...claimed.map((claim) => claim.size));
    const { options, anchors, tiles, archive } = this;
    const incarnations = this.incarnations.report();
    return reportOf({
      options,
      findings,
      found: walk.found,
      size,
      claimedSize,
      sealed,
      judge,
      anchors,
      tiles,
      archive,
      incarnations,
    });
  }

  private cannotPass(from: number, to: number): void {
    const reason = `the tree was to go on at ${from}, and stands at ${this.walk.next}`;
    this.findings.add({ class: 'cannot_read', from, to: to - 1, reason });
  }

  private readonly anchoredBefore = ({ size, time }: PlacedStatement): number =>
    Math.max(
      0,
      ...this.anchors
        .filter(({ claim, matched }) => matched === true && claim.independent && claim.size <= size)
        .filter(({ claim }) => claim.time === undefined || claim.time < time)
        .map(({ claim }) => claim.size),
    );

  private addHighWater({ origin, size, root }: NonNullable<VerifierOptions['highWater']>): void {
    const incarnation = this.incarnations.of(origin);
    if (incarnation !== undefined) {
      this.mark = { incarnation, size };
      if (this.judge.marks.some((mark) => mark.size === size && mark.root === hexOf(root))) return;
      return this.judge.add({ size, root, by: 'high water', incarnation, signers: [] });
    }
    this.findings.add({
      class: 'checkpoint_invalid',
      field: 'origin',
      checkpoint: size,
      stored: origin,
      recomputed: this.options.origin,
      reason: "the signer's high-water mark is of another origin",
    });
  }

  /** The largest claim says it; where a signed one is as large, that one. */
  private addTailBreak(beyond: readonly Claim[], size: number, told: number): void {
    const largest = Math.max(0, ...beyond.map((claim) => claim.size));
    if (told > Math.max(size, largest)) this.findings.add(tileTailFinding(told, size));
    const claims = beyond.filter((claim) => claim.size === largest);
    const claim = claims.find(({ by }) => by === 'checkpoint') ?? claims[0];
    if (claim !== undefined && largest > size) this.findings.add(tailFinding(claim, size));
  }
}
