import { equalBytes } from '../bytes.js';
import { EMPTY_ROOT } from '../hashes.js';
import { LedgerError } from '../ledger.errors.js';
import { TILE_WIDTH, tileWidthAt } from '../tiles.js';
import { Findings } from './findings.js';
import type { EventKeys } from './reading.js';
import type { SeqRange, VerificationReport } from './report.types.js';
import { TlogEntries } from './tlog-entries.js';
import { headOf } from './tlog-head.js';
import { TlogLadder } from './tlog-ladder.js';
import { tlogReport } from './tlog-report.js';
import { membersAt } from './tlog-source.js';
import type { Members, TlogSource } from './tlog-source.js';
import type { TlogOptions } from './tlog.types.js';

/** Bundles and their tiles asked for ahead of the one in work: at most so many times 16 MiB wait in memory. */
const AHEAD = 4;
const NO_KEYS: EventKeys = new Map();

/**
 * Verifies a C2SP tlog-tiles log from any source, in one pass and flat memory: the checkpoint's signatures, every entry
 * against its tile, every tile against the one above it up to the root, and the form of each event. All breaks are
 * found, each at its seq wherever a tile that leads to the root says what belonged there. Throws TLOG_NO_CHECKPOINT,
 * NOTE_MALFORMED or CHECKPOINT_MALFORMED when there is no checkpoint to verify, SIZE_OUT_OF_RANGE for a range that is
 * not in the log; rejects with what `signal` was aborted with.
 */
export async function verifyTlog(options: TlogOptions): Promise<VerificationReport> {
  const findings = new Findings(options.maxBreaks);
  const keys = [...options.keys.verifierKeys, ...(options.policy?.witnesses.map(({ key }) => key) ?? [])];
  const head = await headOf(options, { keys, origin: options.origin, findings });
  const tenant = tenantOf(head.origin);
  const asked = options.range?.(head.size);
  const covered = coveredRange(asked, head.size);
  const outcome = { options, tenant, head, findings, asked: asked ?? covered, covered };
  if (covered === null) {
    const matched = equalBytes(head.root, EMPTY_ROOT);
    if (!matched) {
      const reason = 'a checkpoint of size 0 whose root is not that of the empty tree';
      findings.add({ class: 'checkpoint_invalid', field: 'root', checkpoint: 0, reason });
    }
    return tlogReport({ ...outcome, found: 0, tiles: { compared: 0, agreed: 0 }, matched });
  }
  const entries = new TlogEntries({ tenant, eventKeys: options.keys.eventKeys ?? NO_KEYS, findings });
  const ladder = new TlogLadder({ ...head, source: options, found: (finding) => findings.add(finding) });
  await ladder.open();
  await walk(options, { size: head.size, covered, entries, ladder, findings });
  const matched = await ladder.finish();
  for (const finding of entries.keyFindings(head)) findings.add(finding);
  return tlogReport({ ...outcome, found: entries.found, tiles: ladder.tiles, matched });
}

interface Walk {
  size: number;
  covered: SeqRange;
  entries: TlogEntries;
  ladder: TlogLadder;
  findings: Findings;
}

async function walk(options: TlogOptions, { size, covered, entries, ladder, findings }: Walk): Promise<void> {
  const of = covered.to - covered.from + 1;
  for await (const { index, bundle } of bundlesOf(options, covered, size)) {
    options.signal?.throwIfAborted();
    if (bundle.members === undefined) {
      findings.add(bundle.finding);
      await ladder.bundle(index, undefined);
    } else {
      const read = entries.read(bundle.members);
      const differing = await ladder.bundle(index, { entries: read, leftover: bundle.leftover });
      entries.take(index * TILE_WIDTH, read, differing);
    }
    options.progress?.({ entries: Math.min(of, (index + 1) * TILE_WIDTH - covered.from), of });
  }
}

async function* bundlesOf(
  source: TlogSource,
  { from, to }: SeqRange,
  size: number,
): AsyncGenerator<{ index: number; bundle: Members }> {
  const asked: { index: number; bundle: Promise<Members> }[] = [];
  const last = Math.floor(to / TILE_WIDTH);
  for (let index = Math.floor(from / TILE_WIDTH); index <= last || asked.length > 0; index++) {
    if (index <= last) {
      const width = tileWidthAt({ level: 0, index, size });
      asked.push({ index, bundle: membersAt(source, { level: 'entries', index, width }) });
    }
    if (asked.length <= AHEAD && index < last) continue;
    const next = asked.shift();
    if (next !== undefined) yield { index: next.index, bundle: await next.bundle };
  }
}

/** Whole bundles; null for an empty log. */
function coveredRange(range: SeqRange | undefined, size: number): SeqRange | null {
  if (range === undefined) return size === 0 ? null : { from: 0, to: size - 1 };
  const { from, to } = range;
  if (!Number.isSafeInteger(from) || from < 0 || !Number.isSafeInteger(to) || to < from || to >= size) {
    throw new LedgerError('LEDGER.SIZE_OUT_OF_RANGE', `seqs ${from} to ${to} are not in a log of ${size} entries`);
  }
  const end = Math.min(size, (Math.floor(to / TILE_WIDTH) + 1) * TILE_WIDTH);
  return { from: Math.floor(from / TILE_WIDTH) * TILE_WIDTH, to: end - 1 };
}

/** The tenant of `<ASSAY_ORIGIN>/ledger/<tenant>`, or of a later incarnation of it; undefined for another's log. */
const tenantOf = (origin: string): string | undefined =>
  /\/ledger\/([a-z0-9][a-z0-9-]{0,39})(?:\/[1-9]\d*)?$/.exec(origin)?.[1];
