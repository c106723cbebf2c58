import mongoose from 'mongoose';
import { conforms, openEngineUnderTest, refusal, type EngineUnderTest } from './engine-under-test.js';

type Doc = mongoose.mongo.Document & { _id: string };

let engine: EngineUnderTest;
let things: mongoose.mongo.Collection<Doc>;
let count = 0;

beforeAll(async () => {
  engine = await openEngineUnderTest();
});
afterAll(() => engine.close());
beforeEach(() => {
  things = engine.db.collection<Doc>(`things_${count++}`);
});

const MongoBulkWriteError = mongoose.mongo.MongoBulkWriteError;

async function bulkError(act: Promise<unknown>): Promise<mongoose.mongo.MongoBulkWriteError> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MongoBulkWriteError);
  return error as mongoose.mongo.MongoBulkWriteError;
}

// https://www.mongodb.com/docs/manual/reference/command/insert/
describe('insert', () => {
  conforms('gives back what was stored, type by type', async () => {
    const doc = {
      _id: 'a',
      text: 'grüße \u{1F600}\0end',
      truth: true,
      nothing: null,
      whole: 7,
      half: 0.5,
      large: 9007199254740991,
      at: new Date(1_700_000_000_123),
      before: new Date(-1),
      list: [1, 'two', [3], { four: 4 }],
      nested: { deep: { deeper: [] } },
    };
    await things.insertOne(doc);
    expect(await things.findOne({ _id: 'a' })).toEqual(doc);
  });

  conforms('gives binary data back byte by byte', async () => {
    const bytes = Buffer.from([0, 255, 1, 254, 128]);
    await things.insertOne({ _id: 'a', bytes: new mongoose.mongo.Binary(bytes) });
    const found = (await things.findOne({ _id: 'a' }))?.['bytes'] as mongoose.mongo.Binary;
    expect(Buffer.from(found.value())).toEqual(bytes);
  });

  conforms('refuses a second document with the same _id with 11000, keyPattern and keyValue', async () => {
    await things.insertOne({ _id: 'a' });
    const error = await refusal(things.insertOne({ _id: 'a' }));
    expect(error.code).toBe(11000);
    expect(error['keyPattern']).toEqual({ _id: 1 });
    expect(error['keyValue']).toEqual({ _id: 'a' });
  });

  // "If false, then when an insert of a document fails, continue with inserting the remaining documents."
  conforms('stops at the first error when ordered', async () => {
    const error = await bulkError(things.insertMany([{ _id: 'a' }, { _id: 'a' }, { _id: 'b' }]));
    expect(error.insertedCount).toBe(1);
    expect(error.writeErrors).toMatchObject([{ index: 1, code: 11000 }]);
    expect(await things.distinct('_id')).toEqual(['a']);
  });

  conforms('goes on after an error when unordered', async () => {
    const list = [{ _id: 'a' }, { _id: 'a' }, { _id: 'b' }, { _id: 'b' }, { _id: 'c' }];
    const error = await bulkError(things.insertMany(list, { ordered: false }));
    expect(error.insertedCount).toBe(3);
    expect([error.writeErrors].flat().map(({ index }) => index)).toEqual([1, 3]);
    expect((await things.distinct('_id')).sort()).toEqual(['a', 'b', 'c']);
  });

  // reference/limits: the _id field may be of any type but an array, a regex or undefined
  conforms('refuses an array as _id', async () => {
    const bad = engine.db.collection(things.collectionName).insertOne({ _id: [1] } as never);
    expect((await refusal(bad)).code).toBeGreaterThan(0);
  });
});

// https://www.mongodb.com/docs/manual/reference/command/update/
describe('update', () => {
  conforms('tells what matched and what changed', async () => {
    await things.insertMany([
      { _id: 'a', n: 1 },
      { _id: 'b', n: 1 },
    ]);
    expect(await things.updateOne({ _id: 'a' }, { $set: { n: 2 } })).toMatchObject({
      matchedCount: 1,
      modifiedCount: 1,
    });
    expect(await things.updateOne({ _id: 'a' }, { $set: { n: 2 } })).toMatchObject({
      matchedCount: 1,
      modifiedCount: 0,
    });
    expect(await things.updateMany({}, { $set: { n: 2 } })).toMatchObject({ matchedCount: 2, modifiedCount: 1 });
    expect(await things.updateOne({ _id: 'z' }, { $set: { n: 2 } })).toMatchObject({
      matchedCount: 0,
      modifiedCount: 0,
    });
  });

  // reference/operator/update
  conforms('applies the operators', async () => {
    await things.insertOne({ _id: 'a', n: 1, low: 5, high: 5, gone: 1, old: 'x', list: [1, 2, 3], set: ['p'] });
    await things.updateOne({ _id: 'a' }, {
      $set: { 'nested.field': 'v' },
      $unset: { gone: '' },
      $inc: { n: 4, fresh: -1 },
      $min: { low: 3 },
      $max: { high: 3 },
      $rename: { old: 'renamed' },
      $push: { list: { $each: [4, 5], $slice: -4 } },
      $addToSet: { set: { $each: ['p', 'q'] } },
    } as never);
    expect(await things.findOne({ _id: 'a' })).toEqual({
      _id: 'a',
      n: 5,
      fresh: -1,
      low: 3,
      high: 5,
      renamed: 'x',
      list: [2, 3, 4, 5],
      set: ['p', 'q'],
      nested: { field: 'v' },
    });
    await things.updateOne({ _id: 'a' }, { $pull: { list: { $gte: 4 } }, $pop: { set: 1 }, $mul: { n: 2 } } as never);
    expect(await things.findOne({ _id: 'a' })).toMatchObject({ list: [2, 3], set: ['p'], n: 10 });
  });

  conforms('pulls elements by a field of theirs', async () => {
    await things.insertOne({
      _id: 'a',
      items: [
        { id: 'x', v: 1 },
        { id: 'y', v: 2 },
      ],
    });
    await things.updateOne({ _id: 'a' }, { $pull: { items: { id: 'x' } } } as never);
    expect((await things.findOne({ _id: 'a' }))?.['items']).toEqual([{ id: 'y', v: 2 }]);
  });

  // reference/operator/update/positional
  conforms('changes the element that matched', async () => {
    await things.insertOne({
      _id: 'a',
      items: [
        { id: 'x', v: 1 },
        { id: 'y', v: 2 },
      ],
    });
    await things.updateOne({ _id: 'a', 'items.id': 'y' }, { $set: { 'items.$.v': 9 } });
    expect((await things.findOne({ _id: 'a' }))?.['items']).toEqual([
      { id: 'x', v: 1 },
      { id: 'y', v: 9 },
    ]);
  });

  // reference/operator/update/currentDate: "sets the value of a field to the current date"
  conforms('writes the server clock', async () => {
    const before = (await engine.db.command({ hello: 1 }))['localTime'] as Date;
    await things.updateOne({ _id: 'a' }, { $currentDate: { at: true } } as never, { upsert: true });
    const after = (await engine.db.command({ hello: 1 }))['localTime'] as Date;
    const at = (await things.findOne({ _id: 'a' }))?.['at'] as Date;
    expect(at.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(at.getTime()).toBeLessThanOrEqual(after.getTime());
  });

  conforms('replaces a document and keeps its _id', async () => {
    await things.insertOne({ _id: 'a', n: 1, other: 2 });
    await things.replaceOne({ _id: 'a' }, { n: 3 });
    expect(await things.findOne({})).toEqual({ _id: 'a', n: 3 });
  });

  // reference/method/db.collection.updateOne, upsert: the equality conditions of the query and the update
  conforms('upserts from equalities, $set and $setOnInsert', async () => {
    const update = { $set: { n: 1 }, $setOnInsert: { made: true } };
    const result = await things.updateOne({ _id: 'a', kind: 'k', size: { $gt: 3 } }, update, { upsert: true });
    expect(result).toMatchObject({ matchedCount: 0, upsertedCount: 1, upsertedId: 'a' });
    expect(await things.findOne({})).toEqual({ _id: 'a', kind: 'k', n: 1, made: true });
    await things.updateOne({ _id: 'a' }, { $set: { n: 2 }, $setOnInsert: { made: false } }, { upsert: true });
    expect(await things.findOne({})).toEqual({ _id: 'a', kind: 'k', n: 2, made: true });
  });

  conforms('refuses to change _id with 66', async () => {
    await things.insertOne({ _id: 'a' });
    expect((await refusal(things.updateOne({ _id: 'a' }, { $set: { _id: 'b' } }))).code).toBe(66);
  });

  conforms('refuses an unknown operator with 9', async () => {
    await things.insertOne({ _id: 'a' });
    expect((await refusal(things.updateOne({ _id: 'a' }, { $frob: { n: 1 } }))).code).toBe(9);
  });

  conforms('refuses two changes of one path with 40', async () => {
    await things.insertOne({ _id: 'a' });
    expect((await refusal(things.updateOne({ _id: 'a' }, { $set: { n: 1 }, $inc: { n: 1 } }))).code).toBe(40);
  });

  // reference/operator/update/inc: "If the field does not hold a numeric value, it generates an error"
  conforms('refuses to increment what is no number with 14', async () => {
    await things.insertOne({ _id: 'a', n: 'text' });
    expect((await refusal(things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }))).code).toBe(14);
    expect(await things.findOne({})).toEqual({ _id: 'a', n: 'text' });
  });
});

// https://www.mongodb.com/docs/manual/reference/command/findAndModify/
describe('findAndModify', () => {
  conforms('gives the document before or after', async () => {
    await things.insertOne({ _id: 'a', n: 1 });
    expect(await things.findOneAndUpdate({ _id: 'a' }, { $inc: { n: 1 } })).toMatchObject({ n: 1 });
    const after = { returnDocument: 'after' } as const;
    expect(await things.findOneAndUpdate({ _id: 'a' }, { $inc: { n: 1 } }, after)).toMatchObject({ n: 3 });
    expect(await things.findOneAndUpdate({ _id: 'z' }, { $inc: { n: 1 } })).toBeNull();
  });

  conforms('takes the first in the order asked for', async () => {
    await things.insertMany([
      { _id: 'a', n: 2 },
      { _id: 'b', n: 1 },
      { _id: 'c', n: 3 },
    ]);
    expect(await things.findOneAndDelete({}, { sort: { n: 1 } })).toEqual({ _id: 'b', n: 1 });
    expect(await things.findOneAndReplace({}, { n: 9 }, { sort: { n: -1 }, returnDocument: 'after' })).toEqual({
      _id: 'c',
      n: 9,
    });
  });

  conforms('upserts and projects', async () => {
    const options = { upsert: true, returnDocument: 'after', projection: { n: 1 } } as const;
    expect(await things.findOneAndUpdate({ _id: 'a' }, { $set: { n: 1, m: 2 } }, options)).toEqual({ _id: 'a', n: 1 });
  });

  conforms('lets exactly one of many take a document', async () => {
    await things.insertOne({ _id: 'a', state: 'free' });
    const takers = Array.from({ length: 20 }, (_, taker) =>
      things.findOneAndUpdate({ _id: 'a', state: 'free' }, { $set: { state: 'taken', taker } }),
    );
    expect((await Promise.all(takers)).filter((found) => found !== null)).toHaveLength(1);
  });
});

// https://www.mongodb.com/docs/manual/reference/command/delete/
describe('delete', () => {
  conforms('deletes one or all that match', async () => {
    await things.insertMany([
      { _id: 'a', k: 1 },
      { _id: 'b', k: 1 },
      { _id: 'c', k: 1 },
    ]);
    expect((await things.deleteOne({ k: 1 })).deletedCount).toBe(1);
    expect((await things.deleteMany({ k: 1 })).deletedCount).toBe(2);
    expect((await things.deleteMany({ k: 1 })).deletedCount).toBe(0);
  });
});
