import { serialize } from 'bson';
import { decodeDocument, MAX_DOCUMENT_BYTES, type Doc } from '../bson-read.js';
import { CommandError } from '../command.error.js';
import type { Batches } from '../cursors.js';
import type { Command, Engine, Reply } from '../engine.js';
import { comparableKey } from '../key-encoding.js';
import { projectionOf, type Projected } from '../projection.js';
import { isPlainObject, matcherOf } from '../query.js';
import { Scan } from '../scan.js';
import { cursorReply, type Request } from '../wire.js';
import { aggregated, pipelineOf } from './aggregate.js';
import { collectionName, countArgument, documentArgument, refuse, sortArgument, type Selection } from './arguments.js';

/** MongoDB's default first batch. */
const FIRST_BATCH = 101;

export const readCommands: Record<string, Command> = {
  find(engine, request) {
    const { body } = request;
    refuse(body, 'min', 'max', 'tailable', 'awaitData', 'returnKey', 'showRecordId', 'let');
    const batches = selected(engine, request, selectionOf(body), projectionOf(documentArgument(body, 'projection')));
    return firstBatch(engine, request, batches, countArgument(body, 'batchSize'), body['singleBatch'] === true);
  },

  aggregate(engine, request) {
    const { body } = request;
    refuse(body, 'let', 'explain');
    const { head, countAs, stages } = pipelineOf(body['pipeline']);
    const batchSize = countArgument(documentArgument(body, 'cursor'), 'batchSize');
    if (countAs) return firstBatch(engine, request, listed(countedAs(engine, request, head, countAs)), batchSize);
    const batches = selected(engine, request, head, undefined);
    const result = stages.length === 0 ? batches : listed(aggregated(batches, stages));
    return firstBatch(engine, request, result, batchSize);
  },

  getMore(engine, { body, database }) {
    const id = body['getMore'] as number;
    const ns = `${database}.${String(body['collection'])}`;
    const { documents, done } = engine.cursors.get(id, ns).next(countArgument(body, 'batchSize') || Infinity);
    if (done) engine.cursors.close(id);
    return cursorReply('nextBatch', documents, done ? 0 : id, ns);
  },

  killCursors({ cursors }, { body }) {
    const ids = (body['cursors'] as number[] | undefined) ?? [];
    const killed = ids.filter((id) => cursors.close(id));
    return {
      cursorsKilled: killed,
      cursorsNotFound: ids.filter((id) => !killed.includes(id)),
      cursorsAlive: [],
      cursorsUnknown: [],
    };
  },

  count(engine, request) {
    return { n: counted(engine, request, { ...selectionOf(request.body, 'query'), sort: [] }) };
  },

  distinct(engine, request) {
    const path = request.body['key'];
    if (typeof path !== 'string')
      throw new CommandError(14, "BSON field 'distinct.key' is the wrong type, expected type 'string'");
    const values = new Map<string, unknown>();
    const selection = { filter: documentArgument(request.body, 'query'), sort: [], skip: 0, limit: Infinity };
    for (const doc of selected(engine, request, selection, undefined).next(Infinity).documents) {
      for (const value of valuesOf(decodeDocument(doc, 0), path.split('.'))) {
        values.set(comparableKey(value).toString('latin1'), value);
      }
    }
    return { values: [...values.values()] };
  },

  explain(engine, request) {
    const inner = request.body['explain'];
    if (!isPlainObject(inner)) throw new CommandError(9, 'explain needs a command');
    const name = Object.keys(inner)[0] ?? '';
    return explained(engine, { ...request, name, body: inner });
  },
};

/** Reads what a command selects; the collection may be absent. */
export function selected(
  engine: Engine,
  request: Request,
  { filter, sort, skip, limit }: Selection,
  projected: Projected | undefined,
): Batches & { scan?: Scan } {
  const collection = engine.catalog.find(request.database, collectionName(request));
  if (!collection) {
    matcherOf(filter);
    return listed([]);
  }
  const scan = new Scan(engine.tables, collection, filter, sort, engine.counters, skip + limit);
  let toSkip = skip;
  let left = limit;
  return {
    scan,
    next(count) {
      const documents: Buffer[] = [];
      let bytes = 0;
      scan.each((doc) => {
        if (left === 0 || documents.length >= count) return false;
        if (toSkip > 0) {
          toSkip--;
          return true;
        }
        if (documents.length > 0 && bytes + doc.length > MAX_DOCUMENT_BYTES) return false;
        const shown = projected ? projected(doc) : doc;
        documents.push(shown);
        bytes += shown.length;
        left--;
        return true;
      });
      engine.counters.returned += documents.length;
      return { documents, done: left === 0 || scan.done };
    },
  };
}

/** A result that is all in memory. */
export function listed(all: Buffer[]): Batches {
  let at = 0;
  return {
    next(count) {
      const start = at;
      let bytes = 0;
      while (at < all.length && at - start < count && (at === start || bytes + all[at]!.length <= MAX_DOCUMENT_BYTES)) {
        bytes += all[at++]!.length;
      }
      return { documents: all.slice(start, at), done: at >= all.length };
    },
  };
}

export function firstBatch(
  engine: Engine,
  request: Request,
  batches: Batches,
  batchSize: number | undefined,
  single = false,
  collection = collectionName(request),
): Reply {
  const ns = `${request.database}.${collection}`;
  const { documents, done } = batches.next(batchSize ?? FIRST_BATCH);
  return cursorReply('firstBatch', documents, done || single ? 0 : engine.cursors.add(ns, batches), ns);
}

function selectionOf(body: Doc, filterName = 'filter'): Selection {
  return {
    filter: documentArgument(body, filterName),
    sort: sortArgument(body),
    skip: countArgument(body, 'skip') ?? 0,
    limit: countArgument(body, 'limit') || Infinity,
  };
}

function counted(engine: Engine, request: Request, selection: Selection): number {
  const { scan } = selected(engine, request, selection, undefined);
  let n = 0;
  scan?.each(() => n++ < selection.skip + selection.limit);
  return Math.max(0, Math.min(n, selection.skip + selection.limit) - selection.skip);
}

function countedAs(engine: Engine, request: Request, head: Selection, name: string): Buffer[] {
  const n = counted(engine, request, head);
  return n === 0 ? [] : [Buffer.from(serialize(name === 'n' ? { _id: 1, n } : { [name]: n }))];
}

function valuesOf(value: unknown, [part, ...rest]: string[]): unknown[] {
  if (part === undefined) return Array.isArray(value) ? (value as unknown[]) : [value];
  if (Array.isArray(value)) return value.flatMap((item) => valuesOf(item, [part, ...rest]));
  return isPlainObject(value) && Object.hasOwn(value, part) ? valuesOf(value[part], rest) : [];
}

/** What `explain` runs: the reading part of a command, with its limit. */
function explainedSelection(name: string, body: Doc): Selection {
  if (name === 'aggregate') return pipelineOf(body['pipeline']).head;
  if (name === 'find') return selectionOf(body);
  const statement = ((body['updates'] ?? body['deletes']) as Doc[] | undefined)?.[0];
  if (!statement) return { ...selectionOf(body, 'query'), ...(name === 'findAndModify' ? { limit: 1 } : {}) };
  const all = statement['multi'] === true || statement['limit'] === 0;
  return { ...selectionOf(statement, 'q'), skip: 0, limit: all ? Infinity : 1 };
}

function explained(engine: Engine, request: Request): Reply {
  const selection = explainedSelection(request.name, request.body);
  const cost = { keysExamined: 0, docsExamined: 0 };
  const counters = { ...engine.counters, ...cost };
  const batches = selected({ ...engine, counters }, request, selection, undefined);
  const { scan } = batches;
  const nReturned = batches.next(Infinity).documents.length;
  const input =
    scan?.plan.index || scan?.plan.stage === 'IXSCAN'
      ? { stage: 'IXSCAN', indexName: scan.plan.indexName }
      : { stage: 'COLLSCAN' };
  const read = input.stage === 'IXSCAN' ? { stage: 'FETCH', inputStage: input } : input;
  return {
    queryPlanner: {
      namespace: `${request.database}.${collectionName(request)}`,
      winningPlan: scan && !scan.plan.sorted ? { stage: 'SORT', inputStage: read } : read,
      rejectedPlans: [],
    },
    executionStats: {
      executionSuccess: true,
      nReturned,
      totalKeysExamined: input.stage === 'IXSCAN' ? counters.keysExamined : 0,
      totalDocsExamined: counters.docsExamined,
    },
  };
}
