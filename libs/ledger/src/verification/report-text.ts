import type { Break, SeqRange, VerificationReport } from './report.types.js';

/** What each tier claims, and no more. */
const TIERS: Record<VerificationReport['tier'], string> = {
  broken: 'what was read contradicts itself or its signatures',
  incomplete: 'nothing is wrong with what could be checked, and not all could be',
  consistent: 'what was read agrees with itself and its signatures',
  anchored: 'what was read agrees with itself, its signatures and a copy in another trust domain',
};

const VERDICTS: Record<Break['verdict'], string> = {
  proven_tampering: 'proven: a signature or an independent copy says otherwise',
  inconsistent: 'inconsistent: a fault of the service could have made it too',
  cannot_check: 'cannot be checked',
};

/** The report as text, for people; the JSON is the report itself. Ends with a newline. */
export function reportText(report: VerificationReport): string {
  const { tier, keys, origin, reasons, breaks, breaks_total: total } = report;
  const lines = [
    `${tier} (keys ${keys}): ${TIERS[tier]}`,
    ...reasons.map((reason) => `  because ${reason}`),
    ...facts(report).map(([name, fact]) => `  ${name.padEnd(12)} ${fact}`),
    ...breaks.flatMap(breakLines),
    ...(total > breaks.length ? [`  and ${total - breaks.length} breaks more`] : []),
    ...formFaultLines(report),
  ];
  return `${origin}\n${lines.join('\n')}\n`;
}

function facts(report: VerificationReport): [string, string][] {
  const { range, entries, batches, checkpoints, tiles, anchors, unsealed, keys_used } = report;
  const newest = checkpoints.newest;
  const seen = newest?.asserted_time === undefined ? '' : `, cosigned at ${newest.asserted_time}`;
  return [
    ['asked for', spanOf(range.asked)],
    ['covered', spanOf(range.covered)],
    ['entries', `${entries.verified} of ${entries.expected} verified, ${entries.found} found`],
    ['batches', `${batches.verified} of ${batches.expected} verified, ${batches.read} read`],
    ...report.retired.map((range): [string, string] => ['retired', `${spanOf(range)}: only leaf hashes are left`]),
    ['checkpoints', `${checkpoints.matched} of ${checkpoints.checked} match`],
    ['newest', newest === null ? 'none' : `size ${newest.size}, root ${newest.root}${seen}`],
    ['tiles', `${tiles.agreed} of ${tiles.compared} agree`],
    ['keys', keys_used.join(', ') || 'none'],
    ...(anchors.length === 0 ? [['anchors', 'none'] as [string, string]] : anchors.map(anchorFact)),
    ...(report.incarnations ?? []).map(incarnationFact),
    ...(unsealed === null
      ? []
      : [['unsealed', `${spanOf(unsealed)}: only chained, and could be cut unseen`] as [string, string]]),
  ];
}

const anchorFact = ({
  kind,
  name,
  size,
  time,
  matched,
  independent,
}: VerificationReport['anchors'][number]): [string, string] => [
  'anchor',
  `${kind} ${name}, size ${size}${time === undefined ? '' : `, at ${time}`}: ${matched ? 'agrees' : 'does not agree'}${independent ? '' : ', and counts for little: not independent'}`,
];

function incarnationFact(one: NonNullable<VerificationReport['incarnations']>[number]): [string, string] {
  const { incarnation, origin, from_seq: from, good_size: good, unproven, lost } = one;
  const gaps = [
    ...(unproven === null ? [] : [`${spanOf(unproven)} was never proven`]),
    ...(lost === null ? [] : [`${spanOf(lost)} of the one before is lost`]),
  ];
  return [
    'reopened',
    [`incarnation ${incarnation} from seq ${from} as ${origin}, good up to size ${good}`, ...gaps].join('; '),
  ];
}

function breakLines(found: Break): string[] {
  const { class: kind, code, batch, field, event_id: event, stored, recomputed, verdict, reason } = found;
  const about = [code, batch && `batch ${batch}`, event && `event ${event}`, field && `field ${field}`]
    .filter((part) => part !== undefined)
    .join(', ');
  return [
    `- ${kind} ${placeOf(found)}${about === '' ? '' : ` (${about})`}: ${reason}`,
    `    ${VERDICTS[verdict]}`,
    ...(stored === undefined ? [] : [`    stored      ${stored}`]),
    ...(recomputed === undefined ? [] : [`    recomputed  ${recomputed}`]),
    `    last good seq before: ${found.last_good_seq ?? 'none'}; first good seq after: ${found.first_good_seq_after ?? 'none'}`,
  ];
}

function placeOf({ seq, seqs, from, to, located, checkpoint }: Break): string {
  if (seqs !== undefined) return `at seqs ${seqs.slice(0, 20).join(', ')}${seqs.length > 20 ? ' and more' : ''}`;
  if (seq !== undefined) return `at seq ${seq}`;
  if (from !== undefined && to !== undefined) {
    return located === 'interval' ? `somewhere from seq ${from} to ${to}` : `from seq ${from} to ${to}`;
  }
  return checkpoint === undefined ? 'at no place that can be told' : `of the checkpoint of size ${checkpoint}`;
}

function formFaultLines({ form_faults: { total, first } }: VerificationReport): string[] {
  if (total === 0) return [];
  const shown = first.slice(0, 10).map(({ seq, faults }) => {
    const [fault] = faults;
    return `  seq ${seq}: ${fault === undefined ? 'no event' : `${fault.pointer || 'the bytes'} must be ${fault.expected}`}`;
  });
  return [`${total} entries hold bytes that are no canonical event of this ledger: a fault of the writer`, ...shown];
}

const spanOf = (range: SeqRange | null): string => (range === null ? 'nothing' : `seq ${range.from} to ${range.to}`);
