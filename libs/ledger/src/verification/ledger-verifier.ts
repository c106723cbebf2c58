import { CheckpointJudge } from './checkpoint-judge.js';
import type { AnchorRecord, Claim } from './claim.js';
import { tailFinding, tileTailFinding } from './contradictions.js';
import { EntryWalk } from './entry-walk.js';
import { Findings } from './findings.js';
import { KeyTrust } from './key-trust.js';
import type { PlacedStatement } from './key-statements.js';
import { LeafTiles } from './leaf-tiles.js';
import { LossyTree } from './lossy-tree.js';
import { NO_EVENT_KEYS, readingOf } from './reading.js';
import { Reconciliation } from './reconciliation.js';
import { reportOf } from './report.js';
import type { SegmentDigest } from './segment.js';
import type { AnchorClaim, LeafTile, SeqRange, VerificationReport, VerifierOptions } from './report.types.js';
import { TileAudit } from './tile-audit.js';

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
  private readonly trust: KeyTrust;
  private readonly tiles = new LeafTiles();
  private readonly audit: TileAudit;
  private readonly judge: CheckpointJudge;
  private readonly reconciliation: Reconciliation;
  private readonly walk: EntryWalk;
  private readonly anchors: AnchorRecord[] = [];

  constructor(private readonly options: VerifierOptions) {
    const { origin, keys, highWater } = options;
    const findings = (this.findings = new Findings(options.maxBreaks));
    const tree = new LossyTree();
    const trust = (this.trust = new KeyTrust(keys));
    const reconciliation = (this.reconciliation = new Reconciliation(
      (finding) => findings.add(finding),
      (position, reading) => this.walk.addFaults(position, reading, reading.agrees),
    ));
    const audit = (this.audit = new TileAudit(this.tiles, tree, findings, reconciliation));
    const judge = (this.judge = new CheckpointJudge(origin, tree, trust, audit, (finding) => findings.add(finding)));
    audit.judge = judge;
    this.walk = new EntryWalk(origin, { tree, judge, trust, audit, reconciliation, findings });
    if (highWater) this.addHighWater(highWater);
  }

  anchor(claim: AnchorClaim): void {
    const anchor: AnchorRecord = { claim, matched: undefined };
    this.anchors.push(anchor);
    this.judge.add({ size: claim.size, root: claim.root, by: 'anchor', signers: [], anchor });
  }

  checkpoint(note: unknown): void {
    this.judge.addNote(note);
  }

  leafTile(tile: LeafTile): void {
    this.tiles.add(tile);
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
    this.tiles.addAgreed(tiles.filter((tile) => tile.from >= from && !this.tiles.has(tile)).length);
    return true;
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
    const size = audit.sizeOf(walk.position);
    const told = this.tiles.finish(size);
    this.addTailBreak(beyond, size, told);
    for (const finding of walk.faults.kids.findings()) findings.add(finding);
    for (const finding of trust.findings(walk.faults.kids.all(), this.anchoredBefore)) findings.add(finding);
    const claimedSize = Math.max(size, told, ...beyond.map((claim) => claim.size));
    const { options, anchors, tiles } = this;
    return reportOf({ options, findings, found: walk.found, size, claimedSize, sealed, judge, anchors, tiles });
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
    if (origin === this.options.origin) return this.judge.add({ size, root, by: 'high water', signers: [] });
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
