import { hexOf } from '../bytes.js';
import { isWitnessed } from '../witness/policy.js';
import { CANNOT_CHECK } from './findings.js';
import type { Break, BreakVerdict, Finding, SeqRange, VerificationReport } from './report.types.js';
import type { TlogOutcome } from './tlog.types.js';

/** The report of a log read as tiles: one checkpoint, and nothing after it. */
export function tlogReport(outcome: TlogOutcome): VerificationReport {
  const { options, head, findings, covered, matched, tiles } = outcome;
  const anchors = anchorsOf(outcome);
  const reasons = reasonsOf(outcome);
  const expected = lengthOf(covered);
  const anchored = options.keys.pinned && anchors.some((anchor) => anchor.matched && anchor.independent);
  const best = anchored ? 'anchored' : 'consistent';
  const bad = badRanges(findings.breaks);
  const time = head.verified.find((signature) => signature.time !== undefined)?.time;
  return {
    tenant: outcome.tenant ?? head.origin,
    origin: head.origin,
    tier: findings.broken ? 'broken' : reasons.length > 0 ? 'incomplete' : best,
    reasons,
    keys: options.keys.pinned ? 'pinned' : 'unpinned',
    keys_used: head.verified.map(({ key }) => `${key.name}+${key.keyId}`),
    range: { asked: outcome.asked, covered },
    entries: {
      expected,
      found: outcome.found,
      verified: expected - bad.reduce((sum, { from, to }) => sum + to - from + 1, 0),
    },
    batches: { expected: 0, read: 0, verified: 0 },
    retired: [],
    checkpoints: {
      checked: 1,
      matched: matched === true && head.signed ? 1 : 0,
      not_comparable: matched === undefined ? 1 : 0,
      newest: { size: head.size, root: hexOf(head.root), ...(time !== undefined && { asserted_time: isoOf(time) }) },
    },
    tiles,
    anchors,
    anchored_size: anchored ? head.size : 0,
    unsealed: null,
    breaks: placed(findings.breaks, bad, head.size),
    breaks_total: findings.total,
    form_faults: findings.formFaults,
  };
}

/** Cosignatures by witnesses of the policy; independent when there are as many as it wants. */
function anchorsOf({ options: { policy }, head, matched }: TlogOutcome): VerificationReport['anchors'] {
  if (policy === undefined || !head.signed) return [];
  const cosigned = head.verified.flatMap(({ key, time }) => {
    const witness = policy.witnesses.find((known) => known.key.name === key.name && known.key.keyId === key.keyId);
    return witness === undefined || time === undefined ? [] : [{ witness, time }];
  });
  const independent = isWitnessed(policy, new Set(cosigned.map(({ witness }) => witness.name)));
  return cosigned.map(({ witness, time }) => ({
    kind: 'witness',
    name: witness.key.name,
    size: head.size,
    time: isoOf(time),
    independent,
    matched: matched === true,
  }));
}

function reasonsOf({ head, findings, matched }: TlogOutcome): string[] {
  const unknown = findings.breaks.filter(({ class: kind }) => kind === 'key_unknown');
  const faults = findings.formFaults.total;
  return [
    ...unknown.map(({ reason }) => reason),
    ...(findings.breaks.some(({ class: kind }) => kind === 'cannot_read')
      ? ['a part of the log could not be read']
      : []),
    ...(matched === undefined ? [`the root of size ${head.size} could not be recomputed`] : []),
    ...(faults > 0 ? [`${faults} entries hold bytes that are no canonical event of this ledger`] : []),
  ];
}

function placed(findings: readonly Finding[], bad: readonly SeqRange[], size: number): Break[] {
  const placeOf = (finding: Finding): number => finding.seq ?? finding.from ?? Infinity;
  return [...findings]
    .sort((a, b) => placeOf(a) - placeOf(b))
    .map((finding) => ({
      ...finding,
      located: finding.located ?? 'seq',
      ...neighbours(finding, bad, size),
      verdict: finding.verdict ?? verdictOf(finding),
    }));
}

const verdictOf = ({ class: kind }: Finding): BreakVerdict =>
  CANNOT_CHECK.includes(kind) ? 'cannot_check' : 'inconsistent';

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

/** Places whose entry is not what it was, merged and in order. A wrong tile says nothing against the entries below it. */
function badRanges(findings: readonly Finding[]): SeqRange[] {
  const merged: SeqRange[] = [];
  for (const { from, to } of findings.flatMap(rangesOf).sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

function rangesOf({ class: kind, seq, seqs, from = seq, to = seq }: Finding): SeqRange[] {
  if (kind === 'inserted' || kind === 'key_unknown' || kind === 'tile_mismatch') return [];
  if (seqs !== undefined) return seqs.map((place) => ({ from: place, to: place }));
  return from === undefined || to === undefined ? [] : [{ from, to }];
}

const lengthOf = (range: SeqRange | null): number => (range === null ? 0 : range.to - range.from + 1);

const isoOf = (time: number): string => new Date(time * 1000).toISOString();
