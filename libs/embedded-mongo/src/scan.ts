import { decodeDocument, type Doc } from './bson-read.js';
import type { Collection } from './catalog.js';
import { CommandError } from './command.error.js';
import { comparableKey } from './key-encoding.js';
import { planOf, type Plan, type Range, type Sort } from './planner.js';
import { documentKey, numberKey } from './records.js';
import type { Tables } from './store.js';

/** What reading cost, as MongoDB's `explain` counts it. */
export interface Cost {
  keysExamined: number;
  docsExamined: number;
}

/** MongoDB's limit for a sort in memory without disk use is 100 MiB; ours is smaller. */
const MAX_SORT_BYTES = 32 * 1024 * 1024;
/** How many keys are read from LMDB at a time: few at first, for most reads want few. */
const FIRST_CHUNK = 8;
const MAX_CHUNK = 512;
/** Of the number that starts every key. */
const NUMBER_BYTES = 4;

/** One range of the plan, read on after the last key that was visited. */
interface Part {
  range: Range;
  lastKey: Buffer | undefined;
  /** Entries read ahead, and which of them is next. */
  ahead: { key: Buffer; value: Buffer }[];
  at: number;
  chunk: number;
  /** Whether there may be more behind what was read ahead. */
  more: boolean;
}

/**
 * Reads what matches, in the plan's order. Between two calls of `next` it holds a key, never a read transaction: it
 * goes on after the last key it has seen, so that documents written meanwhile may or may not be seen.
 */
export class Scan {
  readonly plan: Plan;
  private parts: Part[];
  private readonly sorted: Buffer[] | undefined;
  private sortedAt = 0;

  constructor(
    private readonly tables: Tables,
    private readonly collection: Collection,
    filter: Doc,
    sort: Sort,
    readonly cost: Cost = { keysExamined: 0, docsExamined: 0 },
    limit = Infinity,
  ) {
    this.plan = planOf(collection, filter, sort);
    this.parts = this.plan.ranges.map((range) => partOf(range, undefined));
    if (!this.plan.sorted) this.sorted = sortedDocuments(this, sort, limit);
  }

  /** Calls back with each document until it returns false, which leaves that document for the next call. */
  each(visit: (doc: Buffer) => boolean): void {
    if (!this.sorted) return this.read(visit);
    while (this.sortedAt < this.sorted.length && visit(this.sorted[this.sortedAt]!)) this.sortedAt++;
  }

  get done(): boolean {
    return this.sorted ? this.sortedAt >= this.sorted.length : this.parts.length === 0;
  }

  /** In the plan's own order. */
  read(visit: (doc: Buffer) => boolean): void {
    // What was read ahead by an earlier call may be gone.
    this.parts = this.parts.map(({ range, lastKey }) => partOf(range, lastKey));
    const { index, residual } = this.plan;
    for (let part = this.nextPart(); part; part = this.nextPart()) {
      const { key, value } = part.ahead[part.at]!;
      const doc = index ? this.tables.documents.get(documentKey(this.collection, value)) : value;
      if (!doc) throw new Error(`index ${index?.name} of ${this.collection.name} names a document that is not there`);
      if ((!residual || residual(decodeDocument(doc, 0))) && !visit(doc)) return;
      this.cost.keysExamined++;
      this.cost.docsExamined++;
      part.lastKey = key;
      part.at++;
    }
  }

  /** The part whose next entry comes next; parts at their end are dropped. */
  private nextPart(): Part | undefined {
    if (!this.plan.merged) {
      while (this.parts.length > 0 && !this.hasNext(this.parts[0]!)) this.parts.shift();
      return this.parts[0];
    }
    this.parts = this.parts.filter((part) => this.hasNext(part));
    const sign = this.plan.reverse ? -1 : 1;
    return this.parts.reduce<Part | undefined>(
      (first, part) => (!first || orderOf(part).compare(orderOf(first)) * sign < 0 ? part : first),
      undefined,
    );
  }

  private hasNext(part: Part): boolean {
    if (part.at < part.ahead.length) return true;
    if (!part.more) return false;
    part.ahead = this.entriesOf(part);
    part.at = 0;
    part.more = !this.plan.exact && part.ahead.length === part.chunk;
    part.chunk = Math.min(MAX_CHUNK, part.chunk * 8);
    return part.ahead.length > 0;
  }

  private entriesOf({ range, lastKey, chunk }: Part): { key: Buffer; value: Buffer }[] {
    const { index, reverse, exact } = this.plan;
    const table = index ? this.tables.entries : this.tables.documents;
    const number = numberKey(index ? index.number : this.collection.number);
    const start = Buffer.concat([number, range.start]);
    if (exact) {
      const value = lastKey ? undefined : table.get(start);
      return value ? [{ key: start, value }] : [];
    }
    const end = Buffer.concat([number, range.end]);
    const from = reverse
      ? { start: lastKey ?? end, exclusiveStart: true, end: start, inclusiveEnd: true, reverse: true }
      : { start: lastKey ?? start, exclusiveStart: lastKey !== undefined, end };
    return [...table.getRange({ ...from, limit: chunk })];
  }
}

function partOf(range: Range, lastKey: Buffer | undefined): Part {
  return { range, lastKey, ahead: [], at: 0, chunk: FIRST_CHUNK, more: true };
}

/** Of the next entry's key, what follows the range's fixed fields: the order asked for, then `_id`. */
function orderOf({ range, ahead, at }: Part): Buffer {
  return ahead[at]!.key.subarray(NUMBER_BYTES + range.fixedBytes);
}

/** All matching documents in order; throws CommandError 292 when they would take too much memory. */
function sortedDocuments(scan: Scan, sort: Sort, limit: number): Buffer[] {
  const found: { key: Buffer; doc: Buffer }[] = [];
  let bytes = 0;
  scan.read((doc) => {
    const key = sortKeyOf(decodeDocument(doc, 0), sort);
    bytes += key.length + doc.length;
    found.push({ key, doc });
    if (bytes > MAX_SORT_BYTES) bytes = kept(found, limit);
    if (bytes > MAX_SORT_BYTES) {
      throw new CommandError(
        292,
        `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes, but did not opt in to external sorting.`,
      );
    }
    return true;
  });
  kept(found, limit);
  return found.map(({ doc }) => doc);
}

/** Orders what was found and forgets what lies behind the limit; returns the bytes that are left. */
function kept(found: { key: Buffer; doc: Buffer }[], limit: number): number {
  found.sort((a, b) => a.key.compare(b.key));
  if (found.length > limit) found.length = limit;
  return found.reduce((sum, { key, doc }) => sum + key.length + doc.length, 0);
}

/** An array is ordered by its least element, or by its greatest when descending (manual: cursor.sort, arrays). */
export function sortKeyOf(doc: Doc, sort: Sort): Buffer {
  return Buffer.concat(
    sort.map(([path, direction]) => {
      const keys = valuesAt(doc, path.split('.')).map((value) => comparableKey(value, direction === -1));
      return keys.reduce((least, key) => (key.compare(least) < 0 ? key : least));
    }),
  );
}

function valuesAt(value: unknown, parts: readonly string[]): unknown[] {
  if (Array.isArray(value)) {
    const values = value.flatMap((item) =>
      Array.isArray(item) && parts.length === 0 ? [item] : valuesAt(item, parts),
    );
    return values.length > 0 ? values : [undefined];
  }
  const [part, ...rest] = parts;
  if (part === undefined) return [value];
  const holder = typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as Doc) : undefined;
  return holder ? valuesAt(holder[part], rest) : [undefined];
}
