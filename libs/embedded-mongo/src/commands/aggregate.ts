import { serialize } from 'bson';
import { Aggregator } from 'mingo/aggregator';
import { Context } from 'mingo';
import { Lazy } from 'mingo/lazy';
import * as pipeline from 'mingo/operators/pipeline';
import { decodeDocument, type Doc } from '../bson-read.js';
import { CommandError } from '../command.error.js';
import type { Batches } from '../cursors.js';
import { asCommandErrors, isPlainObject, mingoOptions } from '../query.js';
import { sortKeyOf } from '../scan.js';
import { sortArgument, type Selection } from './arguments.js';

/** Stages work on values in memory; more than this of stored documents is refused. */
const MAX_INPUT_BYTES = 32 * 1024 * 1024;
const BATCH = 1000;

const {
  $match,
  $limit,
  $skip,
  $group,
  $project,
  $count,
  $unwind,
  $addFields,
  $set,
  $unset,
  $sortByCount,
  $replaceRoot,
  $replaceWith,
} = pipeline;
const stageOperators = {
  ...{ $match, $limit, $skip, $group, $project, $count, $unwind, $addFields, $set, $unset },
  ...{ $sortByCount, $replaceRoot, $replaceWith },
  /** mingo compares strings by UTF-16. */
  $sort: (documents: { collect<T>(): T[] }, expression: Doc) => {
    const sort = sortArgument({ sort: expression });
    const keyed = documents.collect<Doc>().map((doc) => ({ doc, key: sortKeyOf(doc, sort) }));
    return Lazy(keyed.sort((a, b) => a.key.compare(b.key)).map(({ doc }) => doc));
  },
};

const options = mingoOptions();
const context = Context.from(options.context, Context.init({ pipeline: stageOperators } as never));

export interface Pipeline {
  /** The leading $match, $sort, $skip and $limit: read like a find, with indexes. */
  head: Selection;
  /** The field to count into when all that follows is counting. */
  countAs?: string;
  stages: Doc[];
}

/** Throws CommandError 40324 for a stage that is not supported. */
export function pipelineOf(value: unknown): Pipeline {
  if (!Array.isArray(value)) throw new CommandError(14, "'pipeline' option must be specified as an array");
  const stages = value.map(stageOf);
  const head: Selection = { filter: {}, sort: [], skip: 0, limit: Infinity };
  const matches: Doc[] = [];
  let at = 0;
  for (; at < stages.length; at++) {
    const [name, operand] = stages[at]!;
    const bounded = head.limit !== Infinity;
    if (name === '$match' && isPlainObject(operand) && head.skip === 0 && !bounded) matches.push(operand);
    else if (name === '$sort' && head.sort.length === 0 && head.skip === 0 && !bounded)
      head.sort = sortArgument({ sort: operand });
    else if (name === '$skip' && head.skip === 0 && !bounded && isCount(operand)) head.skip = operand;
    else if (name === '$limit' && !bounded && isCount(operand) && operand > 0) head.limit = operand;
    else break;
  }
  head.filter = matches.length === 1 ? matches[0]! : matches.length > 1 ? { $and: matches } : {};
  const rest = stages.slice(at);
  const countAs = rest.length === 1 ? countFieldOf(rest[0]!) : undefined;
  return { head, stages: rest.map(([name, operand]) => ({ [name]: operand })), ...(countAs ? { countAs } : {}) };
}

/** What the stages make of a whole result. Throws CommandError 292 when the input takes too much memory. */
export function aggregated(input: Batches, stages: Doc[]): Buffer[] {
  const values: Doc[] = [];
  let bytes = 0;
  for (let done = false; !done;) {
    const batch = input.next(BATCH);
    for (const doc of batch.documents) {
      bytes += doc.length;
      values.push(decodeDocument(doc, 0));
    }
    if (bytes > MAX_INPUT_BYTES) {
      throw new CommandError(292, `the pipeline's input exceeded the memory limit of ${MAX_INPUT_BYTES} bytes`);
    }
    done = batch.done;
  }
  const results = asCommandErrors(2, () => new Aggregator(stages, { ...options, context }).run<Doc>(values));
  return results.map((doc) => Buffer.from(serialize(doc)));
}

function stageOf(stage: unknown): [string, unknown] {
  if (!isPlainObject(stage) || Object.keys(stage).length !== 1) {
    throw new CommandError(40323, 'A pipeline stage specification object must contain exactly one field.');
  }
  const [entry] = Object.entries(stage);
  if (!Object.hasOwn(stageOperators, entry![0]))
    throw new CommandError(40324, `Unrecognized pipeline stage name: '${entry![0]}'`);
  return entry!;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** `$count`, and the `$group` that drivers send for countDocuments. */
function countFieldOf([name, operand]: [string, unknown]): string | undefined {
  if (name === '$count' && typeof operand === 'string' && operand !== '' && operand !== 'n') return operand;
  const isDriversCount =
    name === '$group' && isPlainObject(operand) && JSON.stringify(operand) === '{"_id":1,"n":{"$sum":1}}';
  return isDriversCount ? 'n' : undefined;
}
