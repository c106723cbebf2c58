import type { Findings } from './findings.js';
import { lengthOf } from './places.js';
import type { ArchiveFault, BatchPassed, Finding, SeqRange, VerificationReport } from './report.types.js';

export interface ArchiveState {
  batches: BatchPassed[];
  retired: SeqRange[];
}

/** What is told of the cold archive: the batches that were passed, what is wrong with them, and what has retired. */
export class ArchiveLog {
  private readonly batches: BatchPassed[] = [];
  private readonly faulty = new Set<string>();
  private readonly faults: Finding[] = [];
  private readonly retired: SeqRange[] = [];
  /** Passed by the leaf hashes of tiles, in order. */
  private readonly byTiles: SeqRange[] = [];

  constructor(private readonly findings: Findings) {}

  fault(fault: ArchiveFault): void {
    const finding: Finding = { ...fault };
    if (fault.batch !== undefined) this.faulty.add(fault.batch);
    this.faults.push(finding);
    this.findings.add(finding);
  }

  batch(batch: BatchPassed): void {
    this.batches.push(batch);
  }

  retire(range: SeqRange): void {
    join(this.retired, range);
  }

  lost(range: SeqRange): void {
    join(this.byTiles, range);
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
    return { batches: this.batches, retired: this.retired };
  }

  restore({ batches, retired }: ArchiveState): void {
    this.batches.push(...batches);
    this.retired.push(...retired);
  }
}

function join(ranges: SeqRange[], { from, to }: SeqRange): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.to + 1 === from) last.to = to;
  else ranges.push({ from, to });
}
