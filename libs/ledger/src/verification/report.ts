import { hexOf } from '../bytes.js';
import type { ArchiveLog } from './archive-log.js';
import type { CheckpointJudge } from './checkpoint-judge.js';
import type { AnchorRecord } from './claim.js';
import type { LeafTiles } from './leaf-tiles.js';
import { CANNOT_CHECK, saysNothing } from './findings.js';
import { badRanges, lengthOf, neighbours, rangeOf } from './places.js';
import type { Findings } from './findings.js';
import type { Break, BreakVerdict, Finding, Tier, VerificationReport, VerifierOptions } from './report.types.js';

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
  archive: ArchiveLog;
  incarnations: VerificationReport['incarnations'];
}

export function reportOf(outcome: Outcome): VerificationReport {
  const { options, judge, size, claimedSize, found, findings, anchors, archive } = outcome;
  const sealed = Math.min(outcome.sealed, size);
  const { from, to } = options.range ?? { from: 0, to: Infinity };
  const covered = rangeOf(from, Math.min(size, to + 1));
  const asked = Math.max(0, Math.min(claimedSize, to + 1) - from);
  const expected = asked - archive.retiredWithin({ from, to: from + asked - 1 });
  const breaks = placed(findings.breaks, sealed, claimedSize);
  const unread = archive.unread.map((range) => ({ class: 'cannot_read' as const, ...range, reason: '' }));
  const bad = badRanges([...breaks, ...unread], from + asked).filter((range) => range.to >= from);
  if (bad[0] !== undefined) bad[0].from = Math.max(bad[0].from, from);
  const reasons = reasonsOf(outcome);
  return {
    tenant: options.tenant,
    origin: options.origin,
    tier: tierOf(outcome, reasons),
    reasons,
    keys: isPinned(options) ? 'pinned' : 'unpinned',
    keys_used: [...judge.keysUsed],
    range: { asked: options.range ?? rangeOf(0, claimedSize), covered },
    entries: { expected, found, verified: expected - lengthOf(bad) },
    ...archive.report(bad),
    checkpoints: {
      checked: judge.checked,
      matched: judge.matchedCheckpoints,
      not_comparable: judge.notComparable,
      newest: newestOf(judge),
    },
    tiles: { compared: outcome.tiles.compared, agreed: outcome.tiles.agreed },
    anchors: anchors.map(anchorOf),
    anchored_size: anchoredSize(anchors),
    ...(outcome.incarnations && { incarnations: outcome.incarnations }),
    unsealed: rangeOf(Math.max(sealed, from), covered ? covered.to + 1 : 0),
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

function reasonsOf(outcome: Outcome): string[] {
  const { judge, archive, size, sealed } = outcome;
  const { breaks, formFaults } = outcome.findings;
  const { range } = outcome.options;
  const reasons: string[] = [];
  const unchecked = breaks.filter((found) => saysNothing(found));
  const notes = unchecked.filter(({ class: kind, verdict }) => kind === 'key_unknown' && verdict === undefined);
  const unsigned = notes.filter(({ field }) => field !== 'sig').length;
  if (unsigned > 0) reasons.push(`${unsigned} checkpoints are signed by no known key`);
  const told = unchecked.filter(
    ({ class: kind, field, verdict }) => kind !== 'cannot_read' && (field === 'sig' || verdict),
  );
  reasons.push(...new Set(told.map(({ reason }) => reason)));
  if (breaks.some(({ class: kind }) => kind === 'cannot_read')) reasons.push('a part of the store could not be read');
  if (archive.unread.length > 0) reasons.push('archived entries could not be read');
  if (judge.notComparable > 0) {
    reasons.push(`${judge.notComparable} checkpoints could not be compared, because a leaf below them is lost`);
  }
  if (range && size <= range.from) reasons.push('no entry of the range is there');
  else if (size > 0 && sealed === 0) reasons.push('no signed checkpoint covers any entry');
  else if (range && judge.lastMatch <= range.from) reasons.push('no signed root was compared over the range');
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

const SIGNED = ['edited', 'deleted', 'reordered', 'archive_altered'];
const COPIES = ['leaf_hash', 'chain_hash', '_id', 'tenant', 'sig'];

function verdictOf({ class: kind, seq, from, field }: Finding, sealed: number): BreakVerdict {
  if (CANNOT_CHECK.includes(kind)) return 'cannot_check';
  // No signature is over the copies beside the bytes: they may have been written so.
  const signed = SIGNED.includes(kind) && !COPIES.includes(field ?? '');
  return signed && (seq ?? from ?? Infinity) < sealed ? 'proven_tampering' : 'inconsistent';
}

function newestOf({ newest }: CheckpointJudge): VerificationReport['checkpoints']['newest'] {
  if (newest === undefined) return null;
  const asserted = newest.time === undefined ? {} : { asserted_time: timeText(newest.time) };
  return { size: newest.size, root: hexOf(newest.root), ...asserted };
}
