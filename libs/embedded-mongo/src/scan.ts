import { decodeDocument, type Doc } from './bson-read.js';
import type { Collection } from './catalog.js';
import { CommandError } from './command.error.js';
import { comparableKey } from './key-encoding.js';
import { planOf, type Plan, type Sort } from './planner.js';
import { documentKey, numberKey } from './records.js';
import type { Tables } from './store.js';

/** What reading cost, as MongoDB's `explain` counts it. */
export interface Cost {
  keysExamined: number;
  docsExamined: number;
}

/** MongoDB's limit for a sort in memory without disk use is 100 MiB; ours is smaller. */
const MAX_SORT_BYTES = 32 * 1024 * 1024;
/** How many keys are read from LMDB at a time. */
const CHUNK = 256;

/**
 * Reads what matches, in the plan's order. Between two calls of `next` it holds a key, never a read transaction: it
 * goes on after the last key it has seen, so that documents written meanwhile may or may not be seen.
 */
export class Scan {
  readonly plan: Plan;
  private rangeAt = 0;
  private lastKey: Buffer | undefined;
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
    if (!this.plan.sorted) this.sorted = sortedDocuments(this, sort, limit);
  }

  /** Calls back with each document until it returns false, which leaves that document for the next call. */
  each(visit: (doc: Buffer) => boolean): void {
    if (!this.sorted) return this.read(visit);
    while (this.sortedAt < this.sorted.length && visit(this.sorted[this.sortedAt]!)) this.sortedAt++;
  }

  get done(): boolean {
    return this.sorted ? this.sortedAt >= this.sorted.length : this.rangeAt >= this.plan.ranges.length;
  }

  /** In the plan's own order. */
  read(visit: (doc: Buffer) => boolean): void {
    const { index, residual, ranges } = this.plan;
    for (; this.rangeAt < ranges.length; this.rangeAt++, this.lastKey = undefined) {
      for (;;) {
        const { entries, more } = this.chunk();
        for (const { key, value } of entries) {
          const doc = index ? this.tables.documents.get(documentKey(this.collection, value)) : value;
          this.cost.keysExamined++;
          this.cost.docsExamined++;
          if (!doc)
            throw new Error(`index ${index?.name} of ${this.collection.name} names a document that is not there`);
          if ((!residual || residual(decodeDocument(doc, 0))) && !visit(doc)) {
            this.cost.keysExamined--;
            this.cost.docsExamined--;
            return;
          }
          this.lastKey = key;
        }
        if (!more) break;
      }
    }
  }

  private chunk(): { entries: { key: Buffer; value: Buffer }[]; more: boolean } {
    const { index, ranges, reverse } = this.plan;
    const table = index ? this.tables.entries : this.tables.documents;
    const number = numberKey(index ? index.number : this.collection.number);
    const range = ranges[this.rangeAt]!;
    const start = Buffer.concat([number, range.start]);
    const end = Buffer.concat([number, range.end]);
    const from = reverse
      ? { start: this.lastKey ?? end, exclusiveStart: true, end: start, inclusiveEnd: true, reverse: true }
      : { start: this.lastKey ?? start, exclusiveStart: this.lastKey !== undefined, end };
    const entries = [...table.getRange({ ...from, limit: CHUNK })];
    return { entries, more: entries.length === CHUNK };
  }
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
