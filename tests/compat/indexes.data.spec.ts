import type mongoose from 'mongoose';
import { conforms, openEngineUnderTest, refusal, type EngineUnderTest } from './engine-under-test.js';

let engine: EngineUnderTest;
let things: mongoose.mongo.Collection<{ _id: string; [field: string]: unknown }>;
let count = 0;

beforeAll(async () => {
  engine = await openEngineUnderTest();
});
afterAll(() => engine.close());
beforeEach(() => {
  things = engine.db.collection(`indexed_${count++}`);
});

// https://www.mongodb.com/docs/manual/core/index-unique/
describe('unique indexes', () => {
  conforms('refuse a second document with the same keys, naming them', async () => {
    await things.createIndex({ tenant: 1, seq: 1 }, { unique: true, name: 'tenant_seq' });
    await things.insertOne({ _id: 'a', tenant: 't', seq: 1 });
    await things.insertOne({ _id: 'b', tenant: 't', seq: 2 });
    const error = await refusal(things.insertOne({ _id: 'c', tenant: 't', seq: 2 }));
    expect(error.code).toBe(11000);
    expect(error['keyPattern']).toEqual({ tenant: 1, seq: 1 });
    expect(error['keyValue']).toEqual({ tenant: 't', seq: 2 });
    expect(error.message).toContain('tenant_seq');
  });

  // "If a document does not have a value for the indexed field in a unique index, the index stores a null value"
  conforms('take an absent field for null', async () => {
    await things.createIndex({ k: 1 }, { unique: true });
    await things.insertOne({ _id: 'a' });
    expect((await refusal(things.insertOne({ _id: 'b', k: null }))).code).toBe(11000);
  });

  conforms('refuse updates too, and the document stays as it was', async () => {
    await things.createIndex({ k: 1 }, { unique: true });
    await things.insertMany([
      { _id: 'a', k: 1 },
      { _id: 'b', k: 2 },
    ]);
    expect((await refusal(things.updateOne({ _id: 'b' }, { $set: { k: 1 } }))).code).toBe(11000);
    expect(await things.findOne({ k: 2 })).toEqual({ _id: 'b', k: 2 });
    await things.updateOne({ _id: 'a' }, { $set: { k: 3 } });
    await things.insertOne({ _id: 'c', k: 1 });
    expect(await things.countDocuments({ k: { $in: [1, 3] } })).toBe(2);
  });

  conforms('cannot be made over documents that break them', async () => {
    await things.insertMany([
      { _id: 'a', k: 1 },
      { _id: 'b', k: 1 },
    ]);
    expect((await refusal(things.createIndex({ k: 1 }, { unique: true }))).code).toBe(11000);
    expect((await things.indexes()).map(({ name }) => name)).toEqual(['_id_']);
  });
});

// https://www.mongodb.com/docs/manual/core/index-partial/
describe('partial indexes', () => {
  conforms('are unique only among the documents they hold', async () => {
    await things.createIndex({ k: 1 }, { unique: true, partialFilterExpression: { active: true } });
    await things.insertMany([
      { _id: 'a', k: 1, active: true },
      { _id: 'b', k: 1, active: false },
    ]);
    expect((await refusal(things.insertOne({ _id: 'c', k: 1, active: true }))).code).toBe(11000);
    await things.updateOne({ _id: 'a' }, { $set: { active: false } });
    await things.insertOne({ _id: 'c', k: 1, active: true });
  });

  // "MongoDB will not use the partial index for a query if using the index results in an incomplete result set."
  conforms('never hide documents they do not hold', async () => {
    await things.createIndex({ due: 1 }, { partialFilterExpression: { due: { $exists: true } } });
    await things.insertMany([{ _id: 'a', due: 1 }, { _id: 'b' }]);
    expect(await things.countDocuments({ due: null })).toBe(1);
    expect(await things.find().sort({ due: 1 }).toArray()).toHaveLength(2);
    expect(
      await things
        .find({ due: { $lte: 5 } })
        .sort({ due: 1 })
        .toArray(),
    ).toEqual([{ _id: 'a', due: 1 }]);
  });
});

// https://www.mongodb.com/docs/manual/reference/command/createIndexes/
describe('createIndexes, listIndexes, dropIndexes', () => {
  conforms('list what was made', async () => {
    await things.createIndex({ a: 1, b: -1 }, { name: 'ab', unique: true });
    const ab = (await things.indexes()).find(({ name }) => name === 'ab');
    expect(ab).toMatchObject({ key: { a: 1, b: -1 }, unique: true });
  });

  conforms('the same again is no change', async () => {
    await things.createIndex({ a: 1 }, { name: 'a' });
    await things.createIndex({ a: 1 }, { name: 'a' });
    expect(await things.indexes()).toHaveLength(2);
  });

  conforms('another key under the same name is refused with 86', async () => {
    await things.createIndex({ a: 1 }, { name: 'one' });
    expect((await refusal(things.createIndex({ b: 1 }, { name: 'one' }))).code).toBe(86);
  });

  conforms('the same key under another name is refused with 85', async () => {
    await things.createIndex({ a: 1 }, { name: 'one' });
    expect((await refusal(things.createIndex({ a: 1 }, { name: 'two' }))).code).toBe(85);
  });

  conforms('an index that is not there is refused with 27, a collection with 26', async () => {
    await things.insertOne({ _id: 'a' });
    expect((await refusal(things.dropIndex('nope'))).code).toBe(27);
    expect((await refusal(engine.db.collection('nowhere').dropIndex('nope'))).code).toBe(26);
  });

  conforms('a dropped index constrains nothing', async () => {
    await things.createIndex({ k: 1 }, { name: 'k', unique: true });
    await things.insertOne({ _id: 'a', k: 1 });
    await things.dropIndex('k');
    await things.insertOne({ _id: 'b', k: 1 });
    expect(await things.countDocuments({ k: 1 })).toBe(2);
  });
});

// https://www.mongodb.com/docs/manual/reference/explain-results/
describe('index use', () => {
  async function examined(filter: object, sort: mongoose.mongo.Sort = {}): Promise<Record<string, number>> {
    const explained = await things.find(filter).sort(sort).explain('executionStats');
    return explained['executionStats'] as Record<string, number>;
  }

  conforms('examines at most twice the keys it returns', async () => {
    await things.createIndex({ tenant: 1, seq: 1 }, { unique: true });
    await things.createIndex({ status: 1, at: -1 });
    await things.insertMany(
      Array.from({ length: 300 }, (_, n) => ({
        _id: `id${n}`,
        tenant: `t${n % 3}`,
        seq: n,
        status: `s${n % 5}`,
        at: n,
      })),
    );
    const queries: [object, mongoose.mongo.Sort, number][] = [
      [{ tenant: 't1', seq: 4 }, {}, 1],
      [{ tenant: 't1' }, { seq: 1 }, 100],
      [{ tenant: 't1' }, { seq: -1 }, 100],
      [{ tenant: 't1', seq: { $gt: 100, $lte: 200 } }, { seq: 1 }, 33],
      [{ tenant: 't1', seq: { $in: [1, 4, 5] } }, {}, 2],
      [{ status: 's2' }, { at: -1 }, 60],
      [{ _id: { $in: ['id3', 'id5'] } }, {}, 2],
    ];
    for (const [filter, sort, returned] of queries) {
      const stats = await examined(filter, sort);
      expect({ filter, n: stats['nReturned'] }).toEqual({ filter, n: returned });
      expect(stats['totalKeysExamined']).toBeLessThanOrEqual(2 * returned);
      expect(stats['totalDocsExamined']).toBeLessThanOrEqual(2 * returned);
    }
  });
});
