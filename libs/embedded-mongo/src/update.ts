import { ObjectId, serialize } from 'bson';
import { update as mingoUpdate } from 'mingo/updater';
import {
  assertWellFormed,
  decodeDocument,
  eachElement,
  findElement,
  MAX_DOCUMENT_BYTES,
  type Doc,
} from './bson-read.js';
import { CommandError } from './command.error.js';
import { asCommandErrors, equals, isPlainObject, mingoOptions } from './query.js';

/** How a matched document changes. */
export interface Change {
  update: Doc;
  filter: Doc;
  arrayFilters: Doc[];
  /** The server's clock at the start of the command: `$currentDate` writes it. */
  now: Date;
}

const ID = Buffer.from('_id');
const OPERATORS = new Set([
  '$set',
  '$setOnInsert',
  '$unset',
  '$inc',
  '$mul',
  '$min',
  '$max',
  '$rename',
  '$currentDate',
  '$push',
  '$pull',
  '$pullAll',
  '$pop',
  '$addToSet',
  '$bit',
]);

/** True for operators, false for a whole new document. Throws CommandError when it is neither or not supported. */
export function isOperatorUpdate(update: unknown): boolean {
  if (Array.isArray(update)) throw new CommandError(2, 'the embedded engine does not support updates with a pipeline');
  if (!isPlainObject(update)) throw new CommandError(9, 'an update is a document');
  const names = Object.keys(update);
  if (!names[0]?.startsWith('$')) {
    const stray = names.find((name) => name.startsWith('$'));
    if (stray)
      throw new CommandError(
        52,
        `The dollar ($) prefixed field '${stray}' is not allowed in the context of an update's replacement document.`,
      );
    return false;
  }
  for (const name of names) {
    if (!OPERATORS.has(name))
      throw new CommandError(
        9,
        `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
      );
    if (!isPlainObject(update[name]))
      throw new CommandError(
        9,
        `Modifiers operate on fields but we found type ${typeof update[name]} instead. For example: {$mod: {<field>: ...}} not {${name}: ...}`,
      );
  }
  return true;
}

/** The document after the change, as BSON; fields that did not change keep their bytes. */
export function updated(before: Buffer, change: Change): Buffer {
  if (!isOperatorUpdate(change.update)) return replaced(before, change.update);
  const doc = decodeDocument(before, 0);
  const touched = applied(doc, without(change.update, '$setOnInsert'), change);
  if (touched.size === 0) return before;
  const after = spliced(before, doc, touched);
  return within(after);
}

/** What an upsert inserts: the filter's equalities, the change, and an `_id`. */
export function upserted(change: Change): { doc: Buffer; id: unknown } {
  const seed = equalitiesOf(change.filter);
  let doc: Doc;
  if (isOperatorUpdate(change.update)) {
    doc = seed;
    const { $setOnInsert: onInsert, ...rest } = change.update;
    const set = { ...(rest['$set'] as Doc | undefined), ...(onInsert as Doc | undefined) };
    const id = set['_id'];
    delete set['_id'];
    if (id !== undefined) {
      if (doc['_id'] !== undefined && !equals(doc['_id'], id)) throw immutableId();
      doc['_id'] = id;
    }
    const modifier = { ...rest, ...(Object.keys(set).length > 0 ? { $set: set } : {}) };
    if (rest['$set'] && Object.keys(set).length === 0) delete (modifier as Doc)['$set'];
    applied(doc, modifier, change);
  } else {
    doc = { ...change.update };
    if (seed['_id'] !== undefined && doc['_id'] !== undefined && !equals(seed['_id'], doc['_id'])) throw immutableId();
    doc['_id'] ??= seed['_id'];
  }
  const { _id = new ObjectId(), ...fields } = doc;
  assertId(_id);
  return { doc: within(Buffer.from(serialize({ _id, ...fields }))), id: _id };
}

export function assertId(id: unknown): void {
  if (Array.isArray(id)) throw new CommandError(53, "The '_id' value cannot be of type array");
  if (id instanceof RegExp) throw new CommandError(53, "The '_id' value cannot be of type regex");
}

function replaced(before: Buffer, replacement: Doc): Buffer {
  const id = findElement(before, 0, ID)!;
  const stored = decodeDocument(before, 0)['_id'];
  if (replacement['_id'] !== undefined && !equals(replacement['_id'], stored)) throw immutableId();
  const rest = Buffer.from(serialize(without(replacement, '_id')));
  return within(document([before.subarray(id.at - 5, id.end), rest.subarray(4, -1)]));
}

/** Changes `doc` and returns the top-level fields that may differ. */
function applied(doc: Doc, modifier: Doc, { filter, arrayFilters, now }: Change): Set<string> {
  const names = Object.keys(modifier).filter((name) => Object.keys(modifier[name] as Doc).length > 0);
  if (names.length === 0) return new Set();
  assertApplicable(doc, modifier);
  const effective = withDates(modifier, now);
  const withoutId = withoutSameId(doc, effective);
  const positional = names.some((name) => Object.keys(modifier[name] as Doc).some((path) => /\.\$(\.|$)/.test(path)));
  const touched = asCommandErrors(2, () =>
    mingoUpdate(doc, withoutId as never, arrayFilters, positional ? (filter as never) : {}, {
      cloneMode: 'deep',
      queryOptions: mingoOptions(),
    }),
  );
  return new Set(touched.map((path) => path.split('.')[0]!));
}

/** `$currentDate` with the command's time; its other type is not stored. */
function withDates(modifier: Doc, now: Date): Doc {
  const { $currentDate: dates, ...rest } = modifier;
  if (!isPlainObject(dates)) return rest;
  const set: Doc = { ...(rest['$set'] as Doc | undefined) };
  for (const [path, kind] of Object.entries(dates)) {
    if (kind !== true && !(isPlainObject(kind) && kind['$type'] === 'date')) {
      throw new CommandError(2, `$currentDate of '${path}': only dates are supported, found ${JSON.stringify(kind)}`);
    }
    if (path in set) throw conflict(path);
    set[path] = now;
  }
  return { ...rest, $set: set };
}

function withoutSameId(doc: Doc, modifier: Doc): Doc {
  const set = modifier['$set'] as Doc | undefined;
  if (!set || !('_id' in set)) return modifier;
  if (!equals(set['_id'], doc['_id'])) throw immutableId();
  const others = without(set, '_id');
  return Object.keys(others).length > 0 ? { ...modifier, $set: others } : without(modifier, '$set');
}

function without(doc: Doc, name: string): Doc {
  return Object.fromEntries(Object.entries(doc).filter(([each]) => each !== name));
}

/** mingo passes over what it cannot apply; MongoDB refuses it. */
function assertApplicable(doc: Doc, modifier: Doc): void {
  const paths = new Set<string>();
  for (const [operator, fields] of Object.entries(modifier)) {
    for (const path of Object.keys(fields as Doc)) {
      if (path === '_id' && operator !== '$set') throw immutableId();
      for (const other of paths) {
        if (other === path || other.startsWith(`${path}.`) || path.startsWith(`${other}.`)) throw conflict(path);
      }
      paths.add(path);
      if (!path.includes('$')) assertTarget(doc, operator, path);
    }
  }
}

const ARRAY_OPERATORS = new Set(['$push', '$addToSet', '$pull', '$pullAll', '$pop']);

function assertTarget(doc: Doc, operator: string, path: string): void {
  let value: unknown = doc;
  for (const part of path.split('.')) {
    if (value === undefined) return;
    if (Array.isArray(value)) {
      if (!/^\d+$/.test(part)) {
        if (operator === '$unset' || operator === '$pull' || operator === '$pullAll') return;
        throw new CommandError(28, `Cannot create field '${part}' in an array on the path '${path}'`);
      }
      if (Number(part) > value.length) throw new CommandError(2, `'${path}' is beyond the end of the array`);
      value = value[Number(part)];
    } else if (isPlainObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined;
    else if (operator === '$unset') return;
    else throw new CommandError(28, `Cannot create field '${part}' in element on the path '${path}'`);
  }
  if (value === undefined) return;
  if ((operator === '$inc' || operator === '$mul') && typeof value !== 'number') {
    throw new CommandError(14, `Cannot apply ${operator} to a value of non-numeric type, at '${path}'`);
  }
  if (ARRAY_OPERATORS.has(operator) && !Array.isArray(value)) {
    throw new CommandError(2, `The field '${path}' must be an array for ${operator}`);
  }
}

/** The old bytes with the touched top-level fields written anew, in place, removed, or added behind. */
function spliced(before: Buffer, doc: Doc, touched: Set<string>): Buffer {
  const parts: Buffer[] = [];
  eachElement(before, 0, (_type, nameStart, nameEnd, _valueAt, end) => {
    const name = before.toString('utf8', nameStart, nameEnd);
    if (!touched.has(name)) parts.push(before.subarray(nameStart - 1, end));
    else if (Object.hasOwn(doc, name)) parts.push(elementOf(name, doc[name]));
    touched.delete(name);
  });
  for (const name of touched) if (Object.hasOwn(doc, name)) parts.push(elementOf(name, doc[name]));
  return document(parts);
}

function elementOf(name: string, value: unknown): Buffer {
  return Buffer.from(serialize({ [name]: value })).subarray(4, -1);
}

function document(parts: Buffer[]): Buffer {
  const size = Buffer.alloc(4);
  const whole = Buffer.concat([size, ...parts, Buffer.alloc(1)]);
  whole.writeInt32LE(whole.length);
  return whole;
}

function within(doc: Buffer): Buffer {
  if (doc.length <= MAX_DOCUMENT_BYTES) {
    assertWellFormed(doc, 0, doc.length, true);
    return doc;
  }
  throw new CommandError(
    10334,
    `BSONObj size: ${doc.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`,
  );
}

/** Equality conditions of a filter, as the fields of a new document (manual: update, upsert). */
function equalitiesOf(filter: Doc): Doc {
  const doc: Doc = {};
  const take = (part: Doc): void => {
    for (const [path, expression] of Object.entries(part)) {
      if (path === '$and') (expression as Doc[]).forEach(take);
      if (path.startsWith('$')) continue;
      const operators = isPlainObject(expression) && Object.keys(expression).some((key) => key.startsWith('$'));
      if (expression instanceof RegExp) continue;
      if (!operators) setPath(doc, path, expression);
      else if ('$eq' in expression) setPath(doc, path, expression['$eq']);
    }
  };
  take(filter);
  return doc;
}

function setPath(doc: Doc, path: string, value: unknown): void {
  const parts = path.split('.');
  if (parts.includes('__proto__')) throw new CommandError(2, `the path '${path}' is not supported`);
  let holder = doc;
  for (const part of parts.slice(0, -1)) {
    const inner = holder[part];
    holder = isPlainObject(inner) ? inner : (holder[part] = {});
  }
  holder[parts.at(-1)!] = value;
}

function conflict(path: string): CommandError {
  return new CommandError(40, `Updating the path '${path}' would create a conflict at '${path}'`);
}

function immutableId(): CommandError {
  return new CommandError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
}
