import type { Doc } from './bson-read.js';
import type { Collection, Index, IndexField } from './catalog.js';
import { indexField } from './catalog.js';
import { conditionsOf, implies, type Condition } from './conditions.js';
import { classOf, KeyWriter, MAX_KEY_BYTES, ValueClass } from './key-encoding.js';
import { matcherOf, type Matches } from './query.js';

/** Part of an index to read: keys from `start` on and before `end`, without the index's number. */
export interface Range {
  start: Buffer;
  end: Buffer;
  /** How many bytes at its start all its keys share: those of the fields that are bound to one value each. */
  fixedBytes: number;
}

export interface Plan {
  /** undefined: the documents themselves, which lie in the order of `_id`. */
  index: Index | undefined;
  indexName: string;
  ranges: Range[];
  reverse: boolean;
  /** Each range is one whole key. */
  exact: boolean;
  /** Whether what is read comes in the order asked for. */
  sorted: boolean;
  /** Whether that needs the ranges read side by side, least entry first. */
  merged: boolean;
  /** What the ranges leave to be tested; undefined when they decide alone. */
  residual: Matches | undefined;
  /** For `explain`. */
  stage: 'IXSCAN' | 'COLLSCAN';
}

export type Sort = [path: string, direction: 1 | -1][];

type Interval = Pick<Range, 'start' | 'end'>;

const MAX_POINTS = 1000;
/** More ranges than these are sorted in memory instead of merged. */
const MAX_MERGED = 32;
/** Leaves room for the index's number and an edge within LMDB's limit; longer bounds are tested, not sought. */
const MAX_BOUND_BYTES = MAX_KEY_BYTES / 2 - 8;
const writer = new KeyWriter();
const idFields = [indexField('_id', false)];

/** The cheapest way to read what `filter` matches: most bound fields first, then a range, then the order asked for. */
export function planOf(collection: Collection, filter: Doc, sort: Sort): Plan {
  const { conditions, covered } = conditionsOf(filter);
  let best = candidateOf(undefined, idFields, conditions, covered, sort);
  for (const index of collection.indexes) {
    if (index.partial && !implies(filter, conditions, index.partial)) continue;
    const candidate = candidateOf(index, index.fields, conditions, covered, sort);
    if (candidate.score > best.score) best = candidate;
  }
  const { index, score } = best;
  // Ranges decide alone only where they understand the whole filter: what is not supported reaches the matcher.
  const residual = best.decides ? undefined : matcherOf(filter);
  return {
    index,
    indexName: index?.name ?? '_id_',
    ranges: best.ranges,
    reverse: best.reverse,
    exact: best.complete,
    sorted: sort.length === 0 || best.sorts,
    merged: best.sorts && best.ranges.length > 1,
    residual,
    stage: index !== undefined || score >= 1 ? 'IXSCAN' : 'COLLSCAN',
  };
}

interface Candidate {
  index: Index | undefined;
  ranges: Range[];
  reverse: boolean;
  sorts: boolean;
  decides: boolean;
  complete: boolean;
  score: number;
}

function candidateOf(
  index: Index | undefined,
  fields: IndexField[],
  conditions: Map<string, Condition>,
  covered: boolean,
  sort: Sort,
): Candidate {
  let prefixes: Buffer[] = [Buffer.alloc(0)];
  let bound = 0;
  for (const field of fields) {
    const points = conditions.get(field.path)?.points;
    if (!points || prefixes.length * points.length > MAX_POINTS) break;
    const longer = prefixes.flatMap((prefix) => points.map((point) => extended(prefix, point, field.descending)));
    if (longer.some((prefix) => prefix.length > MAX_BOUND_BYTES)) break;
    prefixes = longer;
    bound++;
  }
  const next = fields[bound];
  const condition = next && conditions.get(next.path);
  const interval = condition && !condition.points ? intervalOf(condition, next.descending) : undefined;
  const ranges = distinct(prefixes).map((prefix) => rangeOf(prefix, interval));
  const used = bound + (interval ? 1 : 0);
  const direction = ranges.length <= MAX_MERGED ? orderGiven(fields, bound, ranges.length, sort) : 0;
  const sorts = sort.length > 0 && direction !== 0;
  const decides = covered && [...conditions].every(([path, each]) => isDecided(path, each, fields, bound, interval));
  const complete = bound === fields.length && (index === undefined || index.unique);
  return {
    index,
    ranges: direction === -1 ? ranges.reverse() : ranges,
    reverse: direction === -1,
    sorts,
    decides,
    complete,
    score:
      (complete ? 100 : 0) +
      bound * 4 +
      (interval ? 2 : 0) +
      (sorts && (used > 0 || !index?.partial) ? 1 : 0) -
      (index === undefined || used > 0 || sorts ? 0 : 1) +
      (used > 0 && index?.partial ? 0.5 : 0),
  };
}

function isDecided(
  path: string,
  condition: Condition,
  fields: IndexField[],
  bound: number,
  interval: unknown,
): boolean {
  const at = fields.findIndex((field) => field.path === path);
  if (at < 0 || condition.exists) return false;
  return condition.points ? at < bound && !condition.low && !condition.high : at === bound && interval !== undefined;
}

/**
 * 1 or -1 when the index read that way gives the order asked for, 0 when it does not. Several ranges, each in order,
 * are merged: their bound fields hold different values and so are no part of the order.
 */
function orderGiven(fields: IndexField[], bound: number, ranges: number, sort: Sort): 1 | -1 | 0 {
  if (sort.length === 0) return 1;
  const paths = fields.slice(0, bound).map((field) => field.path);
  if (ranges > 1 && sort.some(([path]) => paths.includes(path))) return 0;
  const fixed = new Set(paths);
  let at = bound;
  let direction: 1 | -1 | 0 = 0;
  for (const [path, asked] of sort) {
    if (fixed.has(path)) continue;
    const field = fields[at++];
    if (field?.path !== path) return 0;
    const needed = asked === (field.descending ? -1 : 1) ? 1 : -1;
    if (direction !== 0 && direction !== needed) return 0;
    direction = needed;
  }
  return direction === 0 ? 1 : direction;
}

/** Range ends within one field, in the bytes of an ascending or descending key. */
function intervalOf({ low, high }: Condition, descending: boolean): Interval | undefined {
  const some = low ?? high;
  if (!some) return undefined;
  const valueClass = classOf(some.value);
  if ([low, high].some((side) => side && encoded(side.value, false).length > MAX_BOUND_BYTES)) return undefined;
  const ends = { low: low && encoded(low.value, descending), high: high && encoded(high.value, descending) };
  const lowest = valueClass === ValueClass.number ? encoded(-Infinity, descending) : undefined;
  if (!descending) {
    return {
      start: low ? edge(ends.low!, !low.inclusive) : (lowest ?? Buffer.from([valueClass])),
      end: high ? edge(ends.high!, high.inclusive) : Buffer.from([valueClass + 1]),
    };
  }
  return {
    start: high ? edge(ends.high!, !high.inclusive) : Buffer.from([valueClass ^ 0xff]),
    end: low ? edge(ends.low!, low.inclusive) : lowest ? edge(lowest, true) : Buffer.from([(valueClass ^ 0xff) + 1]),
  };
}

function edge(key: Buffer, after: boolean): Buffer {
  return after ? Buffer.concat([key, Buffer.from([0xff])]) : key;
}

function rangeOf(prefix: Buffer, interval: Interval | undefined): Range {
  const fixedBytes = prefix.length;
  if (!interval) return { start: prefix, end: edge(prefix, true), fixedBytes };
  return {
    start: Buffer.concat([prefix, interval.start]),
    end: Buffer.concat([prefix, interval.end]),
    fixedBytes,
  };
}

function encoded(value: unknown, descending: boolean): Buffer {
  return writer.reset().value(value, descending).copy();
}

function extended(prefix: Buffer, value: unknown, descending: boolean): Buffer {
  return writer.reset().bytes(prefix).value(value, descending).copy();
}

function distinct(keys: Buffer[]): Buffer[] {
  const sorted = [...keys].sort((a, b) => a.compare(b));
  return sorted.filter((key, at) => at === 0 || !key.equals(sorted[at - 1]!));
}
