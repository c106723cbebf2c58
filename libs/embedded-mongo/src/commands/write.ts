import { ObjectId, serialize } from 'bson';
import {
  assertWellFormed,
  decodeDocument,
  decodeValue,
  findElement,
  MAX_DOCUMENT_BYTES,
  type Doc,
} from '../bson-read.js';
import type { Collection } from '../catalog.js';
import { CommandError } from '../command.error.js';
import type { Command, Engine, Reply } from '../engine.js';
import { projectionOf } from '../projection.js';
import { Scan } from '../scan.js';
import { assertId, isOperatorUpdate, updated, upserted, type Change } from '../update.js';
import { replyWith, type Request } from '../wire.js';
import { collectionName, documentArgument, listArgument, refuse, sortArgument } from './arguments.js';

const MAX_STATEMENTS = 100_000;
const ID = Buffer.from('_id');

export const writeCommands: Record<string, Command> = {
  insert(engine, request) {
    const name = collectionName(request);
    const documents = statements(request, request.sequences.get('documents') ?? []).map(storable);
    return engine.writes.run(() => {
      const collection = engine.catalog.findOrCreate(request.database, name);
      return eachStatement(request, documents, (doc) => {
        if (doc instanceof CommandError) throw doc;
        engine.records.insert(collection, doc);
        engine.counters.inserted++;
        return { n: 1 };
      });
    });
  },

  update(engine, request) {
    const name = collectionName(request);
    const updates = statements(request, decoded(request, 'updates'));
    const now = new Date();
    return engine.writes.run(() =>
      eachStatement(request, updates, (statement) => updateStatement(engine, request.database, name, statement, now)),
    );
  },

  delete(engine, request) {
    const name = collectionName(request);
    const deletes = statements(request, decoded(request, 'deletes'));
    return engine.writes.run(() =>
      eachStatement(request, deletes, (statement) => {
        refuse(statement, 'collation');
        const collection = engine.catalog.find(request.database, name);
        if (!collection) return { n: 0 };
        const limit = statement['limit'] === 1 ? 1 : Infinity;
        const found = matched(engine, collection, documentArgument(statement, 'q'), [], limit);
        for (const doc of found) engine.records.remove(collection, doc);
        engine.counters.deleted += found.length;
        return { n: found.length };
      }),
    );
  },

  findAndModify(engine, request) {
    const name = collectionName(request);
    const now = new Date();
    return engine.writes.run(() => findAndModify(engine, request, name, now));
  },
};

interface Outcome {
  n: number;
  nModified?: number;
  upserted?: unknown;
}

/** Runs the statements; an error ends an ordered list and is one entry of the reply (reference/command/insert). */
function eachStatement<T>(request: Request, list: T[], run: (statement: T) => Outcome): Reply {
  const ordered = request.body['ordered'] !== false;
  const writeErrors: Doc[] = [];
  const upserts: Doc[] = [];
  let n = 0;
  let nModified = 0;
  for (const [index, statement] of list.entries()) {
    try {
      const outcome = run(statement);
      n += outcome.n;
      nModified += outcome.nModified ?? 0;
      if ('upserted' in outcome) upserts.push({ index, _id: outcome.upserted });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      writeErrors.push({ index, code: error.code, errmsg: error.message, ...error.extra });
      if (ordered) break;
    }
  }
  return {
    n,
    ...(request.name === 'update' ? { nModified } : {}),
    ...(upserts.length > 0 ? { upserted: upserts } : {}),
    ...(writeErrors.length > 0 ? { writeErrors } : {}),
  };
}

function statements<T>(request: Request, list: T[]): T[] {
  if (list.length === 0 || list.length > MAX_STATEMENTS) {
    throw new CommandError(
      72,
      `Write batch sizes must be between 1 and ${MAX_STATEMENTS}. Got ${list.length} operations.`,
    );
  }
  refuse(request.body, 'let');
  return list;
}

function decoded({ body, sequences }: Request, name: string): Doc[] {
  const raw = sequences.get(name);
  if (!raw) return listArgument(body, name) as Doc[];
  return raw.map((doc) => {
    assertWellFormed(doc, 0, doc.length, false);
    return decodeDocument(doc, 0);
  });
}

/** The document as it will be stored, `_id` first; an error is kept for its place in the list. */
function storable(doc: Buffer): Buffer | CommandError {
  try {
    if (doc.length > MAX_DOCUMENT_BYTES) {
      throw new CommandError(
        10334,
        `BSONObj size: ${doc.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`,
      );
    }
    assertWellFormed(doc, 0, doc.length, true);
    const id = findElement(doc, 0, ID);
    if (id?.at === 9) {
      if (id.type === 4) assertId([]);
      return doc;
    }
    const _id = id ? decodeValue(doc, id.type, id.at) : new ObjectId();
    assertId(_id);
    const head = id ? doc.subarray(id.at - 5, id.end) : Buffer.from(serialize({ _id })).subarray(4, -1);
    const rest = id ? Buffer.concat([doc.subarray(4, id.at - 5), doc.subarray(id.end)]) : doc.subarray(4);
    const whole = Buffer.concat([Buffer.alloc(4), head, rest]);
    whole.writeInt32LE(whole.length);
    return whole;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

/** Matching documents, read before anything is written. */
function matched(
  engine: Engine,
  collection: Collection,
  filter: Doc,
  sort: ReturnType<typeof sortArgument>,
  limit: number,
): Buffer[] {
  const found: Buffer[] = [];
  if (limit === 0) return found;
  const scan = new Scan(engine.tables, collection, filter, sort, engine.counters, limit);
  scan.each((doc) => {
    if (found.length >= limit) return false;
    found.push(doc);
    return true;
  });
  return found;
}

function changeOf(update: unknown, statement: Doc, filterName: string, now: Date): Change {
  return {
    update: update as Doc,
    filter: documentArgument(statement, filterName),
    arrayFilters: listArgument(statement, 'arrayFilters') as Doc[],
    now,
  };
}

function updateStatement(engine: Engine, database: string, name: string, statement: Doc, now: Date): Outcome {
  refuse(statement, 'collation', 'c');
  const multi = statement['multi'] === true;
  const change = changeOf(statement['u'], statement, 'q', now);
  if (!isOperatorUpdate(change.update) && multi) {
    throw new CommandError(9, 'multi update is not supported for replacement-style update');
  }
  const collection = engine.catalog.find(database, name);
  const found = collection
    ? matched(engine, collection, change.filter, sortArgument(statement), multi ? Infinity : 1)
    : [];
  if (found.length === 0 && statement['upsert'] === true) {
    return { n: 1, nModified: 0, upserted: upsert(engine, database, name, change).id };
  }
  let nModified = 0;
  for (const doc of found) if (changed(engine, collection!, doc, change) !== doc) nModified++;
  return { n: found.length, nModified };
}

/** The document after the change; the same buffer when nothing differs. */
function changed(engine: Engine, collection: Collection, doc: Buffer, change: Change): Buffer {
  const after = updated(doc, change);
  if (after.equals(doc)) return doc;
  engine.records.replace(collection, doc, after);
  engine.counters.updated++;
  return after;
}

function upsert(engine: Engine, database: string, name: string, change: Change): { doc: Buffer; id: unknown } {
  const made = upserted(change);
  engine.records.insert(engine.catalog.findOrCreate(database, name), made.doc);
  engine.counters.inserted++;
  return made;
}

function findAndModify(engine: Engine, request: Request, name: string, now: Date): Reply {
  const { body, database } = request;
  refuse(body, 'let', 'bypassDocumentValidation');
  const shown = projectionOf(documentArgument(body, 'fields')) ?? ((doc: Buffer) => doc);
  const collection = engine.catalog.find(database, name);
  const [found] = collection ? matched(engine, collection, documentArgument(body, 'query'), sortArgument(body), 1) : [];
  if (body['remove'] === true) {
    if (body['update'] !== undefined) throw new CommandError(9, 'Cannot specify both an update and remove=true');
    if (!found) return { lastErrorObject: { n: 0 }, value: null };
    engine.records.remove(collection!, found);
    engine.counters.deleted++;
    return replyWith({ ok: 1, lastErrorObject: { n: 1 } }, 'value', shown(found));
  }
  if (body['update'] === undefined) throw new CommandError(9, 'Either an update or remove=true must be specified');
  const change = changeOf(body['update'], body, 'query', now);
  isOperatorUpdate(change.update);
  if (found) {
    const after = changed(engine, collection!, found, change);
    const value = shown(body['new'] === true ? after : found);
    return replyWith({ ok: 1, lastErrorObject: { n: 1, updatedExisting: true } }, 'value', value);
  }
  if (body['upsert'] !== true) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
  const { doc, id } = upsert(engine, database, name, change);
  const lastErrorObject = { n: 1, updatedExisting: false, upserted: id };
  return replyWith({ ok: 1, lastErrorObject }, 'value', body['new'] === true ? shown(doc) : undefined);
}
