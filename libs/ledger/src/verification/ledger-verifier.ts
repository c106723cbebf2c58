import { CheckpointJudge } from './checkpoint-judge.js';
import { EntryWalk } from './entry-walk.js';
import { Findings } from './findings.js';
import { LossyTree } from './lossy-tree.js';
import { NO_EVENT_KEYS, readingOf } from './reading.js';
import { reportOf } from './report.js';
import type { SegmentDigest } from './segment.js';
import type { SeqRange, VerificationReport, VerifierOptions } from './report.types.js';

/**
 * Verifies one whole ledger in one pass, in memory that grows with the breaks found and not with the entries:
 *
 * 1. `checkpoint(note)` for the stored checkpoints in order of size, each before the entry with seq = its size;
 * 2. `entry(document)` for the stored documents in order of seq, whatever they hold, with binary fields as Uint8Array;
 *    or `segment(digest)` for many at once, digested elsewhere;
 * 3. `finish()` for the report.
 */
export class LedgerVerifier {
  private readonly findings: Findings;
  private readonly judge: CheckpointJudge;
  private readonly walk: EntryWalk;

  constructor(private readonly options: VerifierOptions) {
    this.findings = new Findings(options.maxBreaks);
    const tree = new LossyTree();
    this.judge = new CheckpointJudge(options.origin, options.keys.verifierKeys, tree, (finding) =>
      this.findings.add(finding),
    );
    this.walk = new EntryWalk(options.origin, tree, this.judge, this.findings);
    if (options.highWater) this.judge.addHighWater(options.highWater.origin, options.highWater);
  }

  checkpoint(note: unknown): void {
    this.judge.addNote(note);
  }

  entry(document: unknown): void {
    const { tenant, keys } = this.options;
    this.walk.entry(readingOf(document, tenant, keys.eventKeys ?? NO_EVENT_KEYS));
  }

  /**
   * Takes a clean run of entries whole; the report is the one that the entries one by one would give. False: it does not
   * follow here or something before it is in doubt; nothing was taken, and its documents go to `entry` one by one. Give
   * the checkpoints of every size within it before.
   */
  segment(digest: SegmentDigest): boolean {
    return this.walk.segment(digest);
  }

  /** A part of the store that could not be read: not tampering, but nothing is said about it either. */
  cannotRead(reason: string, range?: SeqRange): void {
    this.findings.add({ class: 'cannot_read', ...range, reason });
  }

  /** The report; `duration_ms` and the like are the caller's. The verifier takes nothing more after it. */
  finish(): VerificationReport {
    const { walk, judge, findings } = this;
    walk.finish(judge.newest?.size ?? Infinity);
    const beyond = judge.finish();
    walk.report({ lastMatch: judge.lastMatch, newest: judge.newest?.size ?? 0 });
    this.addTailBreak(beyond);
    for (const finding of walk.faults.kids.findings()) findings.add(finding);
    return reportOf({
      options: this.options,
      findings,
      found: walk.found,
      size: walk.position,
      claimedSize: Math.max(walk.position, ...beyond.map(({ size }) => size)),
      judge,
    });
  }

  private addTailBreak(beyond: readonly { size: number; by: string }[]): void {
    const newest = beyond.at(-1);
    if (newest === undefined) return;
    const signed = newest.by === 'checkpoint';
    const { position } = this.walk;
    this.findings.add({
      class: signed ? 'tail_cut' : 'rolled_back',
      from: position,
      to: newest.size - 1,
      checkpoint: newest.size,
      reason: `${signed ? 'a signed checkpoint' : "the signer's high-water mark"} counts ${newest.size} entries, the store holds ${position}`,
    });
  }
}
