import { Query } from 'mingo/query';
import { Context } from 'mingo';
import * as accumulators from 'mingo/operators/accumulator';
import * as expressions from 'mingo/operators/expression';
import * as projections from 'mingo/operators/projection';
import { $all, $elemMatch, $size } from 'mingo/operators/query/array';
import { $expr, $mod, $regex } from 'mingo/operators/query/evaluation';
import { $and, $nor, $not, $or } from 'mingo/operators/query/logical';
import type { AnyObject, Options } from 'mingo/types';
import type { Doc } from './bson-read.js';
import { CommandError, type CommandErrorCode } from './command.error.js';
import { classOf, compareValues, ValueClass } from './key-encoding.js';

/** True for documents the filter matches. */
export type Matches = (doc: Doc) => boolean;

type Test = (candidate: unknown) => boolean;
type QueryOperator = (selector: string, value: unknown, options: Options) => (doc: AnyObject) => boolean;

/**
 * Throws CommandError 2 for an operator or type that is not supported.
 *
 * Structure (and, or, not, elemMatch, regular expressions, $expr) is mingo's. Comparison is ours: mingo compares
 * strings by UTF-16, arrays and objects without their order, and binary data as text.
 */
export function matcherOf(filter: Doc): Matches {
  if (Object.keys(filter).length === 0) return () => true;
  return asCommandErrors(2, () => {
    const query = new Query(filter, mingoOptions());
    return (doc) => asCommandErrors(2, () => query.test(doc));
  });
}

/** What mingo may do: no scripts, no other collections. */
export function mingoOptions(): { context: Context; scriptEnabled: false } {
  return { context, scriptEnabled: false };
}

/** mingo's own complaints are the client's fault; everything else is passed on. */
export function asCommandErrors<T>(code: CommandErrorCode, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && error.constructor.name === 'MingoError') throw new CommandError(code, error.message);
    throw error;
  }
}

export function isPlainObject(value: unknown): value is Doc {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}

/** MongoDB's equality of values; absent and null are not told apart here. */
export function equals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'string' || typeof b === 'string') return false;
  return compareValues(a, b) === 0;
}

/** How `operator` compares, for candidates of the operand's own class only (manual: comparison, type bracketing). */
function rangeTest(operator: string, operand: unknown): Test {
  const inclusive = operator === '$gte' || operator === '$lte';
  const sign = operator.startsWith('$g') ? 1 : -1;
  if (operand === null) return (candidate) => inclusive && (candidate === null || candidate === undefined);
  const operandClass = classOf(operand);
  return (candidate) => {
    if (candidate === undefined || classOf(candidate) !== operandClass) return false;
    if (Number.isNaN(candidate) || Number.isNaN(operand)) {
      return inclusive && Number.isNaN(candidate) && Number.isNaN(operand);
    }
    const order = compareValues(candidate, operand);
    return order === 0 ? inclusive : Math.sign(order) === sign;
  };
}

/**
 * Calls back with each value that a dotted path stands for, until the callback returns true: array elements are
 * entered, a last array is offered whole and by element, and `undefined` stands for an absent field.
 */
function someValueAt(value: unknown, parts: readonly string[], test: Test, at = 0): boolean {
  const part = parts[at];
  if (part === undefined) {
    if (test(value)) return true;
    return Array.isArray(value) && value.some((item) => test(item));
  }
  if (Array.isArray(value)) {
    if (/^\d+$/.test(part) && Number(part) < value.length && someValueAt(value[Number(part)], parts, test, at + 1)) {
      return true;
    }
    return value.some((item) => isPlainObject(item) && someValueAt(item, parts, test, at));
  }
  if (!isPlainObject(value) || !Object.hasOwn(value, part)) return test(undefined);
  return someValueAt(value[part], parts, test, at + 1);
}

function operator(testOf: (operand: unknown) => Test): QueryOperator {
  return (selector, operand) => {
    const parts = selector.split('.');
    const test = testOf(operand);
    return (doc) => someValueAt(doc, parts, test);
  };
}

function negated(positive: QueryOperator): QueryOperator {
  return (selector, operand, options) => {
    const matches = positive(selector, operand, options);
    return (doc) => !matches(doc);
  };
}

function equalityTest(operand: unknown): Test {
  if (operand === null) return (candidate) => candidate === null || candidate === undefined;
  return (candidate) => candidate !== undefined && equals(candidate, operand);
}

function membershipTest(operand: unknown): Test {
  if (!Array.isArray(operand)) throw new CommandError(2, '$in needs an array');
  const patterns = operand.filter((each) => each instanceof RegExp);
  const tests = operand.filter((each) => !(each instanceof RegExp)).map(equalityTest);
  return (candidate) =>
    tests.some((test) => test(candidate)) ||
    (typeof candidate === 'string' && patterns.some((pattern) => pattern.test(candidate)));
}

const typeClasses: Record<string, ValueClass> = {
  string: ValueClass.string,
  object: ValueClass.object,
  array: ValueClass.array,
  binData: ValueClass.binary,
  objectId: ValueClass.objectId,
  bool: ValueClass.bool,
  date: ValueClass.date,
  null: ValueClass.null,
  number: ValueClass.number,
};

function typeTest(operand: unknown): Test {
  const classes = (Array.isArray(operand) ? operand : [operand]).map((name) => {
    const valueClass = typeof name === 'string' ? typeClasses[name] : undefined;
    if (valueClass === undefined) throw new CommandError(2, `$type ${String(name)} is not supported`);
    return valueClass;
  });
  return (candidate) => candidate !== undefined && classes.includes(classOf(candidate));
}

const $eq = operator(equalityTest);
const $in = operator(membershipTest);
const $exists: QueryOperator = (selector, operand) => {
  const parts = selector.split('.');
  return (doc) => someValueAt(doc, parts, (candidate) => candidate !== undefined) === Boolean(operand);
};

const context = Context.init({
  query: {
    $eq,
    $ne: negated($eq),
    $in,
    $nin: negated($in),
    $gt: operator((operand) => rangeTest('$gt', operand)),
    $gte: operator((operand) => rangeTest('$gte', operand)),
    $lt: operator((operand) => rangeTest('$lt', operand)),
    $lte: operator((operand) => rangeTest('$lte', operand)),
    $exists,
    $type: operator(typeTest),
    $and,
    $or,
    $nor,
    $not,
    $expr,
    $regex,
    $mod,
    $all,
    $elemMatch,
    $size,
  },
  accumulator: accumulators,
  expression: expressions,
  projection: projections,
});
