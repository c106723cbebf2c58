import { serialize } from 'bson';
import type { Doc } from '../bson-read.js';
import { indexField, keySpecOf, type Collection, type Index } from '../catalog.js';
import { CommandError } from '../command.error.js';
import type { Command, Engine } from '../engine.js';
import { equals, isPlainObject, matcherOf } from '../query.js';
import type { Request } from '../wire.js';
import { collectionName, documentArgument, listArgument, refuse } from './arguments.js';
import { firstBatch, listed } from './read.js';
import { validate } from './validate.js';

type IndexPlan = Omit<Index, 'number'>;

/** Options that change nothing here. */
const IGNORED = new Set(['v', 'ns', 'background', 'hidden']);

export const catalogCommands: Record<string, Command> = {
  validate,

  create(engine, request) {
    const name = collectionName(request);
    refuse(request.body, 'capped', 'timeseries', 'viewOn', 'clusteredIndex', 'validator', 'expireAfterSeconds');
    return engine.writes.run(() => {
      if (engine.catalog.find(request.database, name)) {
        throw new CommandError(48, `Collection ${request.database}.${name} already exists.`);
      }
      engine.catalog.create(request.database, name);
      return {};
    });
  },

  drop(engine, request) {
    const name = collectionName(request);
    return engine.writes.run(() => {
      const collection = engine.catalog.find(request.database, name);
      if (!collection) return {}; // no error since MongoDB 7.0
      return { ns: `${request.database}.${name}`, nIndexesWas: dropped(engine, collection) };
    });
  },

  dropDatabase(engine, { database }) {
    return engine.writes.run(() => {
      for (const collection of engine.catalog.in(database)) dropped(engine, collection);
      return { dropped: database };
    });
  },

  listCollections(engine, request) {
    const matches = matcherOf(documentArgument(request.body, 'filter'));
    const nameOnly = request.body['nameOnly'] === true;
    const found = engine.catalog
      .in(request.database)
      .map(({ name }) => ({ name, type: 'collection' }))
      .map((each) => (nameOnly ? each : { ...each, options: {}, info: { readOnly: false }, idIndex: shownIdIndex }))
      .filter(matches);
    return firstBatch(engine, request, listed(found.map(bson)), undefined, true, '$cmd.listCollections');
  },

  listDatabases(engine) {
    const names = [...new Set(engine.catalog.all().map(({ database }) => database))];
    return { databases: names.map((name) => ({ name, empty: false })) };
  },

  createIndexes(engine, request) {
    const name = collectionName(request);
    const plans = listArgument(request.body, 'indexes').map(planOf);
    if (plans.length === 0) throw new CommandError(2, 'Must specify at least one index to create');
    return engine.writes.run(() => {
      const known = engine.catalog.find(request.database, name);
      const collection = known ?? engine.catalog.create(request.database, name);
      const numIndexesBefore = collection.indexes.length + 1;
      for (const plan of plans) createIndex(engine, collection, plan);
      const numIndexesAfter = collection.indexes.length + 1;
      return {
        numIndexesBefore,
        numIndexesAfter,
        createdCollectionAutomatically: known === undefined,
        ...(numIndexesAfter === numIndexesBefore ? { note: 'all indexes already exist' } : {}),
      };
    });
  },

  listIndexes(engine, request) {
    const name = collectionName(request);
    const collection = required(engine, request, name);
    const shown = [shownIdIndex, ...collection.indexes.map(shownIndex)];
    return firstBatch(engine, request, listed(shown.map(bson)), undefined, true);
  },

  dropIndexes(engine, request) {
    const name = collectionName(request);
    const asked = request.body['index'];
    return engine.writes.run(() => {
      const collection = required(engine, request, name);
      const nIndexesWas = collection.indexes.length + 1;
      for (const index of indexesNamed(collection, asked)) {
        engine.records.dropIndex(index);
        engine.catalog.removeIndex(collection, index);
      }
      return { nIndexesWas };
    });
  },
};

const shownIdIndex = { v: 2, key: { _id: 1 }, name: '_id_' };

function shownIndex(index: Index): Doc {
  return {
    v: 2,
    key: keySpecOf(index),
    name: index.name,
    ...(index.unique ? { unique: true } : {}),
    ...(index.partial ? { partialFilterExpression: index.partial } : {}),
  };
}

function bson(doc: Doc): Buffer {
  return Buffer.from(serialize(doc));
}

function required(engine: Engine, { database }: Request, name: string): Collection {
  const collection = engine.catalog.find(database, name);
  if (!collection) throw new CommandError(26, `ns does not exist: ${database}.${name}`);
  return collection;
}

function dropped({ catalog, records }: Engine, collection: Collection): number {
  records.drop(collection);
  catalog.drop(collection);
  return collection.indexes.length + 1;
}

function planOf(spec: unknown): IndexPlan | 'id' {
  if (!isPlainObject(spec)) throw new CommandError(14, 'an index is described by a document');
  const { key, name, unique, partialFilterExpression: partial, ...others } = spec;
  for (const [option, value] of Object.entries(others)) {
    if (!IGNORED.has(option) && value !== false && value !== undefined) {
      throw new CommandError(67, `the embedded engine does not support the index option '${option}'`);
    }
  }
  if (!isPlainObject(key) || Object.keys(key).length === 0) throw new CommandError(67, 'Index keys cannot be empty.');
  if (typeof name !== 'string' || name === '') throw new CommandError(9, 'Error in specification: the name is missing');
  const fields = Object.entries(key).map(([path, direction]) => {
    if (direction !== 1 && direction !== -1) {
      throw new CommandError(
        67,
        `the embedded engine indexes in order only, 1 or -1, found ${JSON.stringify(direction)} for '${path}'`,
      );
    }
    if (path === '' || path.startsWith('$') || path.split('.').includes('')) {
      throw new CommandError(67, `Index keys cannot contain an empty field or start with '$', found '${path}'`);
    }
    return indexField(path, direction === -1);
  });
  if (fields.length === 1 && fields[0]!.path === '_id') return 'id';
  if (partial !== undefined) {
    if (!isPlainObject(partial)) throw new CommandError(67, 'partialFilterExpression must be a document');
    matcherOf(partial);
  }
  return { name, fields, unique: unique === true, partial };
}

/** No change when the same index is there; 85 or 86 when one of its name or key is there and differs. */
function createIndex({ catalog, records }: Engine, collection: Collection, plan: IndexPlan | 'id'): void {
  if (plan === 'id') return;
  const named = collection.indexes.find(({ name }) => name === plan.name);
  const keyed = collection.indexes.find(
    (index) => sameKey(index, plan) && equals(index.partial ?? null, plan.partial ?? null),
  );
  if (named && named === keyed && named.unique === plan.unique) return;
  if (named) {
    throw new CommandError(
      86,
      `An existing index has the same name as the requested index. Requested index: ${shown(plan)}, existing index: ${shown(named)}`,
    );
  }
  if (keyed) throw new CommandError(85, `Index already exists with a different name: ${keyed.name}`);
  const index = catalog.addIndex(collection, plan);
  try {
    records.buildIndex(collection, index);
  } catch (error) {
    catalog.removeIndex(collection, index);
    throw error;
  }
}

function shown(index: IndexPlan): string {
  return JSON.stringify(shownIndex({ ...index, number: 0 }));
}

function sameKey(a: Pick<Index, 'fields'>, b: Pick<Index, 'fields'>): boolean {
  return JSON.stringify(Object.entries(keySpecOf(a))) === JSON.stringify(Object.entries(keySpecOf(b)));
}

function indexesNamed(collection: Collection, asked: unknown): Index[] {
  if (asked === '*') return [...collection.indexes];
  const names = Array.isArray(asked) ? asked : [asked];
  return names.map((wanted: unknown) => {
    if (wanted === '_id_' || (isPlainObject(wanted) && equals(wanted, { _id: 1 }))) {
      throw new CommandError(72, 'cannot drop _id index');
    }
    const found = collection.indexes.find((index) =>
      isPlainObject(wanted) ? equals(keySpecOf(index), wanted) : index.name === wanted,
    );
    if (!found)
      throw new CommandError(
        27,
        `index not found with name [${typeof wanted === 'string' ? wanted : JSON.stringify(wanted)}]`,
      );
    return found;
  });
}
