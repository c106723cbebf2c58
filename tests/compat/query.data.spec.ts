import type mongoose from 'mongoose';
import { conforms, openEngineUnderTest, refusal, type EngineUnderTest } from './engine-under-test.js';

type Doc = Record<string, unknown> & { _id: number };

let engine: EngineUnderTest;
let count = 0;

beforeAll(async () => {
  engine = await openEngineUnderTest();
});
afterAll(() => engine.close());

async function collectionOf(...docs: Record<string, unknown>[]): Promise<mongoose.mongo.Collection<Doc>> {
  const collection = engine.db.collection<Doc>(`q_${count++}`);
  await collection.insertMany(docs.map((doc, _id) => ({ ...doc, _id })));
  return collection;
}

async function idsOf(collection: mongoose.mongo.Collection<Doc>, filter: object): Promise<number[]> {
  return (await collection.find(filter).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
}

// https://www.mongodb.com/docs/manual/reference/operator/query-comparison/
describe('comparison', () => {
  const values = [1, 2.5, '1', true, null, new Date(1), [1, 7], { x: 1 }];
  const cases: [string, object, number[]][] = [
    ['equality finds numbers whatever their type', { v: 1 }, [0, 6]],
    // tutorial/query-for-null-fields: `{ item: null }` matches null and absent
    ['null finds null and absent', { v: null }, [4, 8]],
    ['ranges stay within their type', { v: { $gte: 1 } }, [0, 1, 6]],
    ['a range over strings finds strings only', { v: { $gte: '0' } }, [2]],
    ['a range over dates finds dates only', { v: { $lt: new Date(5) } }, [5]],
    ['$in finds any of them', { v: { $in: [2.5, '1', true] } }, [1, 2, 3]],
    // reference/operator/query/ne: "This includes documents that do not contain the specified field"
    ['$ne finds what is absent too', { v: { $ne: 1 } }, [1, 2, 3, 4, 5, 7, 8]],
    ['$nin is the opposite of $in', { v: { $nin: [1, null] } }, [1, 2, 3, 5, 7]],
    // reference/operator/query/exists: true finds fields that hold null
    ['$exists finds null', { v: { $exists: true } }, [0, 1, 2, 3, 4, 5, 6, 7]],
    ['$exists false finds what is absent', { v: { $exists: false } }, [8]],
    ['a whole document equals by its fields in order', { v: { x: 1 } }, [7]],
    ['a whole array equals by its elements in order', { v: [1, 7] }, [6]],
    ['$or and $and combine', { $or: [{ v: '1' }, { $and: [{ v: { $gt: 1 } }, { v: { $lt: 3 } }] }] }, [1, 2, 6]],
    ['$not turns a condition around', { v: { $not: { $gte: 1 } } }, [2, 3, 4, 5, 7, 8]],
    ['$regex finds strings', { v: { $regex: '^1$' } }, [2]],
    ['$size finds arrays', { v: { $size: 2 } }, [6]],
    ['$type finds strings', { v: { $type: 'string' } }, [2]],
  ];
  for (const [name, filter, expected] of cases) {
    conforms(name, async () => {
      const collection = await collectionOf(...values.map((v) => ({ v })), {});
      expect(await idsOf(collection, filter)).toEqual(expected);
    });
  }
  for (const [name, filter] of cases) {
    conforms(`${name}, with an index`, async () => {
      const collection = await collectionOf(...values.map((v) => (Array.isArray(v) ? {} : { v })), {});
      await collection.createIndex({ v: 1 });
      const plain = await collectionOf(...values.map((v) => (Array.isArray(v) ? {} : { v })), {});
      expect(await idsOf(collection, filter)).toEqual(await idsOf(plain, filter));
    });
  }

  conforms('strings order by their UTF-8 bytes', async () => {
    const collection = await collectionOf({ s: '\u{1F600}' }, { s: '\uFFFD' }, { s: 'z' }, { s: '' });
    const sorted = await collection.find().sort({ s: 1 }).toArray();
    expect(sorted.map(({ _id }) => _id)).toEqual([3, 2, 1, 0]);
  });

  // reference/bson-type-comparison-order
  conforms('types order as the manual lists them', async () => {
    const collection = await collectionOf(
      { v: new Date(0) },
      { v: true },
      { v: Buffer.from('b') },
      { v: { a: 1 } },
      { v: 'text' },
      { v: 3 },
      { v: null },
    );
    const sorted = await collection.find().sort({ v: 1 }).toArray();
    expect(sorted.map(({ _id }) => _id)).toEqual([6, 5, 4, 3, 2, 1, 0]);
  });

  // tutorial/query-array-of-documents
  conforms('a path goes through arrays', async () => {
    const collection = await collectionOf({ a: [{ b: 1 }, { b: 2 }] }, { a: { b: 2 } }, { a: [{ b: 3 }] });
    expect(await idsOf(collection, { 'a.b': 2 })).toEqual([0, 1]);
    expect(await idsOf(collection, { 'a.0.b': 1 })).toEqual([0]);
    expect(await idsOf(collection, { a: { $elemMatch: { b: { $gt: 2 } } } })).toEqual([2]);
  });

  conforms('binary data is compared by its bytes', async () => {
    const collection = await collectionOf(
      { v: Buffer.from([255]) },
      { v: Buffer.from([254]) },
      { v: Buffer.from([1, 1]) },
    );
    expect(await idsOf(collection, { v: Buffer.from([254]) })).toEqual([1]);
    expect(await idsOf(collection, { v: { $in: [Buffer.from([255])] } })).toEqual([0]);
  });

  conforms('an unknown operator is refused with 2', async () => {
    const collection = await collectionOf({ v: 1 });
    expect((await refusal(collection.find({ v: { $frob: 1 } } as never).toArray())).code).toBe(2);
    expect((await refusal(collection.find({ $frob: 1 } as never).toArray())).code).toBe(2);
  });
});

// https://www.mongodb.com/docs/manual/reference/command/find/
describe('find', () => {
  conforms('sorts, skips and limits', async () => {
    const collection = await collectionOf({ n: 3, k: 'a' }, { n: 1, k: 'b' }, { n: 2, k: 'a' }, { n: 2, k: 'b' });
    const found = await collection.find().sort({ n: -1, k: 1 }).skip(1).limit(2).toArray();
    expect(found.map(({ _id }) => _id)).toEqual([2, 3]);
  });

  // tutorial/project-fields-from-query-results
  conforms('projects by inclusion and exclusion', async () => {
    const collection = await collectionOf({ a: 1, b: { c: 2, d: 3 } });
    const shown = async (projection: object): Promise<unknown> => collection.findOne({}, { projection });
    expect(await shown({ a: 1 })).toEqual({ _id: 0, a: 1 });
    expect(await shown({ a: 1, _id: 0 })).toEqual({ a: 1 });
    expect(await shown({ a: 0 })).toEqual({ _id: 0, b: { c: 2, d: 3 } });
    expect(await shown({ 'b.c': 1 })).toEqual({ _id: 0, b: { c: 2 } });
    expect(await shown({ 'b.c': 0 })).toEqual({ _id: 0, a: 1, b: { d: 3 } });
  });

  conforms('gives everything in batches, once and in order', async () => {
    const collection = await collectionOf(...Array.from({ length: 1000 }, (_, n) => ({ n: (n * 7919) % 1000 })));
    await collection.createIndex({ n: 1 });
    const found = await collection
      .find({ n: { $gte: 0 } })
      .sort({ n: 1 })
      .batchSize(37)
      .toArray();
    expect(found.map((doc) => doc['n'])).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  // reference/command/getMore
  conforms('a cursor that was killed is not found, 43', async () => {
    const collection = await collectionOf(...Array.from({ length: 10 }, () => ({})));
    const reply = await engine.db.command({ find: collection.collectionName, batchSize: 2 });
    const { id } = reply['cursor'] as { id: mongoose.mongo.Long };
    await engine.db.command({ killCursors: collection.collectionName, cursors: [id] });
    const more = engine.db.command({ getMore: id, collection: collection.collectionName });
    expect((await refusal(more)).code).toBe(43);
  });

  conforms('a single batch leaves no cursor', async () => {
    const collection = await collectionOf({}, {}, {});
    const reply = await engine.db.command({ find: collection.collectionName, batchSize: 2, singleBatch: true });
    const { id, firstBatch } = reply['cursor'] as { id: unknown; firstBatch: unknown[] };
    expect(Number(id)).toBe(0);
    expect(firstBatch).toHaveLength(2);
  });
});

// https://www.mongodb.com/docs/manual/reference/command/{count,distinct,aggregate}/
describe('count, distinct, aggregate', () => {
  conforms('count what matches', async () => {
    const collection = await collectionOf({ k: 1 }, { k: 2 }, { k: 1 });
    expect(await collection.countDocuments({ k: 1 })).toBe(2);
    expect(await collection.countDocuments({ k: 9 })).toBe(0);
    expect(await collection.countDocuments({}, { skip: 1, limit: 1 })).toBe(1);
    expect(await collection.estimatedDocumentCount()).toBe(3);
  });

  // reference/command/distinct: array elements count as values of their own
  conforms('distinct looks into arrays', async () => {
    const collection = await collectionOf({ v: ['a', 'b'] }, { v: 'b' }, { v: 'c' }, {});
    expect((await collection.distinct('v')).sort()).toEqual(['a', 'b', 'c']);
  });

  conforms('groups and sorts', async () => {
    const collection = await collectionOf({ k: 'a', n: 1 }, { k: 'b', n: 5 }, { k: 'a', n: 2 }, { k: 'c', n: 100 });
    const pipeline = [
      { $match: { n: { $lt: 50 } } },
      { $group: { _id: '$k', total: { $sum: '$n' }, top: { $max: '$n' } } },
      { $sort: { _id: 1 } },
    ];
    expect(await collection.aggregate(pipeline).toArray()).toEqual([
      { _id: 'a', total: 3, top: 2 },
      { _id: 'b', total: 5, top: 5 },
    ]);
  });

  conforms('unwinds, projects and counts', async () => {
    const collection = await collectionOf({ l: [1, 2] }, { l: [3] });
    const unwound = await collection
      .aggregate([{ $unwind: '$l' }, { $project: { _id: 0, twice: { $multiply: ['$l', 2] } } }])
      .toArray();
    expect(unwound).toEqual([{ twice: 2 }, { twice: 4 }, { twice: 6 }]);
    expect(await collection.aggregate([{ $count: 'all' }]).toArray()).toEqual([{ all: 2 }]);
  });

  conforms('an unknown stage is refused with 40324', async () => {
    const collection = await collectionOf({});
    expect((await refusal(collection.aggregate([{ $frob: {} }]).toArray())).code).toBe(40324);
  });
});
