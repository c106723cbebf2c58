import { hexOf } from '../bytes.js';
import type { CheckpointJudge } from './checkpoint-judge.js';
import type { AnchorRecord } from './claim.js';
import type { LeafTiles } from './leaf-tiles.js';
import { CANNOT_CHECK } from './findings.js';
import type { Findings } from './findings.js';
import type {
  Break,
  BreakVerdict,
  Finding,
  SeqRange,
  Tier,
  VerificationReport,
  VerifierOptions,
} from './report.types.js';

interface Outcome {
  options: VerifierOptions;
  findings: Findings;
  found: number;
  /** Entries the store holds, lost ones within them included. */
  size: number;
  /** Entries that signatures or the high-water mark say there are. */
  claimedSize: number;
  /** The largest size that a checkpoint counts for. */
  sealed: number;
  judge: CheckpointJudge;
  anchors: readonly AnchorRecord[];
  tiles: LeafTiles;
}

export function reportOf(outcome: Outcome): VerificationReport {
  const { options, judge, size, claimedSize, found, findings, anchors } = outcome;
  const sealed = Math.min(outcome.sealed, size);
  const breaks = placed(findings.breaks, sealed, claimedSize);
  const reasons = reasonsOf(outcome);
  return {
    tenant: options.tenant,
    origin: options.origin,
    tier: tierOf(outcome, reasons),
    reasons,
    keys: isPinned(options) ? 'pinned' : 'unpinned',
    keys_used: [...judge.keysUsed],
    range: { asked: rangeOf(0, claimedSize), covered: rangeOf(0, size) },
    entries: { expected: claimedSize, found, verified: claimedSize - lengthOf(badRanges(breaks, claimedSize)) },
    batches: 0,
    checkpoints: {
      checked: judge.checked,
      matched: judge.matchedCheckpoints,
      not_comparable: judge.notComparable,
      newest: newestOf(judge),
    },
    tiles: { compared: outcome.tiles.compared, agreed: outcome.tiles.agreed },
    anchors: anchors.map(anchorOf),
    anchored_size: anchoredSize(anchors),
    unsealed: rangeOf(sealed, size),
    breaks,
    breaks_total: findings.total,
    form_faults: findings.formFaults,
  };
}

const isPinned = ({ keys: { pinned } }: VerifierOptions): boolean =>
  Array.isArray(pinned) ? pinned.length > 0 : pinned === true;

function tierOf({ findings, options, anchors }: Outcome, reasons: readonly string[]): Tier {
  if (findings.broken) return 'broken';
  if (reasons.length > 0) return 'incomplete';
  return isPinned(options) && anchoredSize(anchors) > 0 ? 'anchored' : 'consistent';
}

const anchoredSize = (anchors: readonly AnchorRecord[]): number =>
  Math.max(
    0,
    ...anchors.filter(({ claim, matched }) => claim.independent && matched === true).map(({ claim }) => claim.size),
  );

function anchorOf({ claim, matched }: AnchorRecord): VerificationReport['anchors'][number] {
  const { kind, name, size, time, independent } = claim;
  return {
    kind,
    name,
    size,
    ...(time !== undefined && { time: timeText(time) }),
    independent,
    matched: matched === true,
  };
}

const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString();

function reasonsOf({ judge, findings: { breaks, formFaults }, size }: Outcome): string[] {
  const reasons: string[] = [];
  const unknown = breaks.filter(({ class: kind }) => kind === 'key_unknown');
  const notes = unknown.filter(({ field }) => field !== 'sig').length;
  if (notes > 0) reasons.push(`${notes} checkpoints are signed by no known key`);
  reasons.push(...unknown.filter(({ field }) => field === 'sig').map(({ reason }) => reason));
  if (breaks.some(({ class: kind }) => kind === 'cannot_read')) reasons.push('a part of the store could not be read');
  if (judge.notComparable > 0) {
    reasons.push(`${judge.notComparable} checkpoints could not be compared, because a leaf below them is lost`);
  }
  if (size > 0 && judge.newest === undefined) reasons.push('no signed checkpoint covers any entry');
  if (formFaults.total > 0) reasons.push(`${formFaults.total} entries hold bytes that are no canonical event`);
  return reasons;
}

function placed(findings: readonly Finding[], sealed: number, size: number): Break[] {
  const bad = badRanges(findings, size);
  const placeOf = (finding: Finding): number => finding.seq ?? finding.from ?? Infinity;
  return [...findings]
    .sort((a, b) => placeOf(a) - placeOf(b))
    .map((finding) => ({
      ...finding,
      located: finding.located ?? 'seq',
      ...neighbours(finding, bad, size),
      verdict: finding.verdict ?? verdictOf(finding, sealed),
    }));
}

const COPIES = ['leaf_hash', 'chain_hash', '_id', 'tenant', 'sig'];

function verdictOf({ class: kind, seq, from, field }: Finding, sealed: number): BreakVerdict {
  if (CANNOT_CHECK.includes(kind)) return 'cannot_check';
  // No signature is over the copies beside the bytes: they may have been written so.
  const signed = ['edited', 'deleted', 'reordered'].includes(kind) && !COPIES.includes(field ?? '');
  return signed && (seq ?? from ?? Infinity) < sealed ? 'proven_tampering' : 'inconsistent';
}

/** The nearest places before and after that no break touches; null where there is none. */
function neighbours(
  { seq, from = seq, to = seq }: Finding,
  bad: readonly SeqRange[],
  size: number,
): Pick<Break, 'last_good_seq' | 'first_good_seq_after'> {
  if (from === undefined || to === undefined) return { last_good_seq: null, first_good_seq_after: null };
  const before = (bad.find((range) => range.from <= from && from <= range.to)?.from ?? from) - 1;
  const after = (bad.find((range) => range.from <= to && to <= range.to)?.to ?? to) + 1;
  return { last_good_seq: before >= 0 ? before : null, first_good_seq_after: after < size ? after : null };
}

/** Places touched by breaks, merged and in order. */
function badRanges(findings: readonly Finding[], size: number): SeqRange[] {
  const ranges = findings.flatMap(rangesOf).filter(({ from }) => from < size);
  ranges.sort((a, b) => a.from - b.from);
  const merged: SeqRange[] = [];
  for (const { from, to } of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, Math.min(to, size - 1));
    else merged.push({ from, to: Math.min(to, size - 1) });
  }
  return merged;
}

function rangesOf({ class: kind, seq, seqs, from = seq, to = seq }: Finding): SeqRange[] {
  if (kind === 'inserted' || kind === 'key_unknown') return [];
  if (seqs !== undefined) return seqs.map((place) => ({ from: place, to: place }));
  return from === undefined || to === undefined ? [] : [{ from, to }];
}

const lengthOf = (ranges: readonly SeqRange[]): number =>
  ranges.reduce((length, { from, to }) => length + to - from + 1, 0);

const rangeOf = (from: number, end: number): SeqRange | null => (end > from ? { from, to: end - 1 } : null);

function newestOf({ newest }: CheckpointJudge): VerificationReport['checkpoints']['newest'] {
  if (newest === undefined) return null;
  const asserted = newest.time === undefined ? {} : { asserted_time: timeText(newest.time) };
  return { size: newest.size, root: hexOf(newest.root), ...asserted };
}
