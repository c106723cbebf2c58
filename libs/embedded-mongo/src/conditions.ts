import type { Doc } from './bson-read.js';
import { classOf, ValueClass } from './key-encoding.js';
import { equals, isPlainObject, matcherOf } from './query.js';

/** What a filter says of one path, as far as an index can use it. */
export interface Condition {
  points?: unknown[];
  low?: { value: unknown; inclusive: boolean };
  high?: { value: unknown; inclusive: boolean };
  exists?: true;
}

const RANGE_OPERATORS = new Set(['$gt', '$gte', '$lt', '$lte']);

/** What the filter says of each path by conjunction, and whether that is all it says. */
export function conditionsOf(filter: Doc): { conditions: Map<string, Condition>; covered: boolean } {
  const conditions = new Map<string, Condition>();
  const covered = gather(filter, conditions);
  return { conditions, covered };
}

function gather(filter: Doc, into: Map<string, Condition>): boolean {
  let covered = true;
  for (const [path, expression] of Object.entries(filter)) {
    if (path === '$and' && Array.isArray(expression) && expression.length > 0) {
      for (const part of expression) covered = isPlainObject(part) && gather(part, into) && covered;
    } else if (path.startsWith('$')) covered = false;
    else covered = gatherPath(path, expression, into) && covered;
  }
  return covered;
}

function gatherPath(path: string, expression: unknown, into: Map<string, Condition>): boolean {
  const condition = into.get(path) ?? {};
  into.set(path, condition);
  if (!isPlainObject(expression) || !Object.keys(expression).some((key) => key.startsWith('$'))) {
    return narrowToPoints(condition, [expression]);
  }
  let covered = true;
  for (const [operator, operand] of Object.entries(expression)) {
    covered = gatherOperator(condition, operator, operand) && covered;
  }
  return covered;
}

function gatherOperator(condition: Condition, operator: string, operand: unknown): boolean {
  if (operator === '$eq') return narrowToPoints(condition, [operand]);
  if (operator === '$in' && Array.isArray(operand)) return narrowToPoints(condition, operand);
  if (operator === '$exists' && operand === true) {
    condition.exists = true;
    return false; // an index holds absent fields as null
  }
  if (!RANGE_OPERATORS.has(operator) || !isRangeOperand(operand)) return false;
  const side = operator.startsWith('$g') ? 'low' : 'high';
  const opposite = condition[side === 'low' ? 'high' : 'low'];
  if (condition[side] || (opposite && classOf(opposite.value) !== classOf(operand))) return false;
  condition[side] = { value: operand, inclusive: operator.endsWith('e') };
  return true;
}

function narrowToPoints(condition: Condition, points: unknown[]): boolean {
  if (condition.points || points.some((point) => point instanceof RegExp || Array.isArray(point))) return false;
  condition.points = points;
  return true;
}

/** Types whose order an index keeps within their class. */
function isRangeOperand(operand: unknown): boolean {
  if (operand instanceof RegExp || Number.isNaN(operand)) return false;
  const valueClass = classOf(operand);
  return valueClass !== ValueClass.null && valueClass !== ValueClass.array && valueClass !== ValueClass.object;
}

/** Whether every document the filter matches is in a partial index with this expression. Says no when unsure. */
export function implies(filter: Doc, conditions: Map<string, Condition>, partial: Doc): boolean {
  const needed = new Map<string, Condition>();
  const simple = gather(partial, needed);
  return (
    [...needed].every(([path, need]) => {
      const given = conditions.get(path);
      if (!given) return false;
      const part = partial[path];
      if (part === undefined) return false; // inside an $and: not looked into
      if (given.points) {
        const matches = matcherOf({ [path]: part });
        return given.points.every((point) => point !== null && matches(nested(path, point)));
      }
      const asksExistence = isPlainObject(part) && Object.keys(part).length === 1 && need.exists === true;
      if (asksExistence) return given.exists === true || given.low !== undefined || given.high !== undefined;
      return simple && equals(filter[path], part);
    }) && Object.keys(partial).every((path) => !path.startsWith('$'))
  );
}

function nested(path: string, value: unknown): Doc {
  return path.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Doc;
}
