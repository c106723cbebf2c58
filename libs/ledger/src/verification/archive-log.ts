import type { Findings } from './findings.js';
import { lengthOf } from './places.js';
import type { AnchoredBefore, KeyTrust } from './key-trust.js';
import type {
  ArchiveFault,
  BatchPassed,
  Finding,
  SeqRange,
  SignedManifest,
  VerificationReport,
} from './report.types.js';

export interface ArchiveState {
  batches: BatchPassed[];
  /** Each stands for all of its signer in a row. */
  manifests: SignedManifest[];
  retired: SeqRange[];
}

/** What is told of the cold archive: the batches that were passed, what is wrong with them, and what has retired. */
export class ArchiveLog {
  private readonly batches: BatchPassed[] = [];
  private readonly faulty = new Set<string>();
  private readonly faults: Finding[] = [];
  private readonly manifests: SignedManifest[] = [];
  private readonly retired: SeqRange[] = [];
  /** Passed by the leaf hashes of tiles, in order. */
  private readonly byTiles: SeqRange[] = [];
  /** Passed by them, or by nothing, and not retired. */
  readonly unread: SeqRange[] = [];

  constructor(private readonly findings: Findings) {}

  fault(fault: ArchiveFault): void {
    const finding: Finding = { ...fault };
    if (fault.batch !== undefined) this.faulty.add(fault.batch);
    this.faults.push(finding);
    this.findings.add(finding);
  }

  /** One that is told again, as after a run was taken up within it, counts once, and as it was found last. */
  batch(batch: BatchPassed): void {
    if (this.batches.at(-1)?.batch === batch.batch) this.batches.pop();
    this.batches.push(batch);
  }

  /** In order of seq. */
  manifest(manifest: SignedManifest): void {
    const last = this.manifests.at(-1);
    if (last?.signer !== manifest.signer) return void this.manifests.push({ ...manifest });
    last.to = Math.max(last.to, manifest.to);
    last.size = Math.max(last.size, manifest.size);
  }

  /** One that is told again, as after a run was taken up behind it, counts once. */
  retire({ from, to }: SeqRange): void {
    if (!this.retired.some((range) => range.from <= from && to <= range.to)) join(this.retired, { from, to });
  }

  /** Entries were passed unread, by leaf hashes or by nothing. */
  lost(range: SeqRange, by: 'tiles' | 'nothing'): void {
    if (by === 'tiles') join(this.byTiles, range);
    if (this.retiredWithin(range) === 0) join(this.unread, range);
  }

  /** Says of each fault what the leaf tiles still prove; `matched`: the largest size whose root was compared. */
  finish(matched: number): void {
    for (const fault of this.faults) {
      const within = this.byTiles.filter(({ from, to }) => from <= fault.to! && to >= fault.from!);
      if (within.length === 0) continue;
      const proven = within.every(({ to }) => to < matched);
      fault.reason += proven
        ? '; the leaf tiles, under a signed root, still prove what the entries hash to'
        : '; no signed root was compared over the leaf tiles that stand for the entries';
    }
  }

  /**
   * Manifests of keys that do not count for them, and that no later one of a key that counts is linked to. A manifest is
   * signed later than the tree had its checkpoint's size, by the key of that time.
   */
  keyFindings(trust: KeyTrust, anchored: AnchoredBefore): Finding[] {
    const judged = this.manifests.map((run) => ({ run, fault: trust.faultLater(run.signer, run.size, anchored) }));
    const sound = judged.findLastIndex(({ fault }) => fault === undefined);
    return judged.slice(sound + 1).flatMap(({ run: { signer, from, to }, fault }) => {
      if (fault === undefined) return [];
      const verdict = fault.fault === 'retired' ? 'inconsistent' : 'cannot_check';
      const reason = `manifests signed by ${signer} do not count: ${fault.why}`;
      return [{ class: 'key_not_valid_then', from, to, field: 'manifest', verdict, reason }];
    });
  }

  report(bad: readonly SeqRange[]): Pick<VerificationReport, 'batches' | 'retired'> {
    const read = this.batches.filter((batch) => batch.read);
    const sound = ({ batch, from, to }: BatchPassed): boolean =>
      !this.faulty.has(batch) && !bad.some((range) => range.from <= to && range.to >= from);
    const batches = { expected: this.batches.length, read: read.length, verified: read.filter(sound).length };
    return { batches, retired: [...this.retired] };
  }

  /** How many of these entries have retired. */
  retiredWithin({ from, to }: SeqRange): number {
    const cut = this.retired.map((range) => ({ from: Math.max(range.from, from), to: Math.min(range.to, to) }));
    return lengthOf(cut.filter((range) => range.from <= range.to));
  }

  state(): ArchiveState {
    return { batches: this.batches, manifests: this.manifests, retired: this.retired };
  }

  restore({ batches, manifests, retired }: ArchiveState): void {
    this.batches.push(...batches);
    this.manifests.push(...manifests);
    this.retired.push(...retired);
  }
}

function join(ranges: SeqRange[], { from, to }: SeqRange): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.to + 1 === from) last.to = to;
  else ranges.push({ from, to });
}
