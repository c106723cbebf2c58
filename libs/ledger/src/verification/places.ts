import type { Break, Finding, SeqRange } from './report.types.js';

/** The nearest places before and after that no break touches; null where there is none. */
export function neighbours(
  { seq, from = seq, to = seq }: Finding,
  bad: readonly SeqRange[],
  size: number,
): Pick<Break, 'last_good_seq' | 'first_good_seq_after'> {
  if (from === undefined || to === undefined) return { last_good_seq: null, first_good_seq_after: null };
  const before = (bad.find((range) => range.from <= from && from <= range.to)?.from ?? from) - 1;
  const after = (bad.find((range) => range.from <= to && to <= range.to)?.to ?? to) + 1;
  return { last_good_seq: before >= 0 ? before : null, first_good_seq_after: after < size ? after : null };
}

/** What is told apart from the entries: of documents without a place, of keys, of manifests. */
const SAY_NOTHING_OF_ENTRIES: readonly Finding['class'][] = [
  'inserted',
  'key_unknown',
  'key_not_valid_then',
  'manifest_changed',
];

/** Places touched by breaks, merged and in order. */
export function badRanges(findings: readonly Finding[], size: number): SeqRange[] {
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

function rangesOf({ class: kind, seq, seqs, from = seq, to = seq, located }: Finding): SeqRange[] {
  if (SAY_NOTHING_OF_ENTRIES.includes(kind)) return [];
  // A wrong tile says nothing against the entries below it.
  if (kind === 'tile_mismatch' && located !== 'interval') return [];
  if (seqs !== undefined) return seqs.map((place) => ({ from: place, to: place }));
  return from === undefined || to === undefined ? [] : [{ from, to }];
}

export const lengthOf = (ranges: readonly SeqRange[]): number =>
  ranges.reduce((length, { from, to }) => length + to - from + 1, 0);

export const rangeOf = (from: number, end: number): SeqRange | null => (end > from ? { from, to: end - 1 } : null);
