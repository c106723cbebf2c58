import mongoose from 'mongoose';
import { conforms, openEngineUnderTest, refusal, type EngineUnderTest } from './engine-under-test.js';

let engine: EngineUnderTest;

beforeAll(async () => {
  engine = await openEngineUnderTest();
});
afterAll(() => engine.close());

describe('commands', () => {
  // reference/command/hello
  conforms('hello tells the clock, the limits and that sessions are known', async () => {
    const hello = await engine.db.command({ hello: 1 });
    expect(hello['isWritablePrimary']).toBe(true);
    expect(hello['localTime']).toBeInstanceOf(Date);
    expect(hello['maxBsonObjectSize']).toBe(16_777_216);
    expect(hello['maxMessageSizeBytes']).toBe(48_000_000);
    expect(hello['logicalSessionTimeoutMinutes']).toBe(30);
  });

  conforms('ping answers', async () => {
    expect(await engine.db.command({ ping: 1 })).toMatchObject({ ok: 1 });
  });

  // reference/error-codes: 59 CommandNotFound
  conforms('an unknown command is refused with 59', async () => {
    const error = await refusal(engine.db.command({ frobnicate: 1 }));
    expect(error.code).toBe(59);
    expect(error['codeName']).toBe('CommandNotFound');
  });

  conforms('works within a session', async () => {
    const session = engine.client.startSession();
    const sessions = engine.db.collection<{ _id: string }>('sessions');
    await sessions.insertOne({ _id: 'a' }, { session });
    expect(await sessions.findOne({ _id: 'a' }, { session })).toEqual({ _id: 'a' });
    await session.endSession();
  });

  // reference/command/create, drop, listCollections
  conforms('creates, lists and drops collections', async () => {
    await engine.db.createCollection('made');
    expect((await refusal(engine.db.command({ create: 'made', capped: false }))).code).toBe(48);
    expect((await engine.db.listCollections({ name: 'made' }).toArray()).map(({ name }) => name)).toEqual(['made']);
    await engine.db.collection('made').insertOne({ a: 1 });
    await engine.db.collection('made').createIndex({ a: 1 });
    await engine.db.dropCollection('made');
    expect(await engine.db.listCollections({ name: 'made' }).toArray()).toEqual([]);
    expect(await engine.db.collection('made').countDocuments()).toBe(0);
  });

  // reference/write-concern
  conforms('answers every write concern a standalone or a set can keep', async () => {
    const kept = engine.db.collection<{ _id: string }>('concerns');
    const concerns: mongoose.mongo.WriteConcernSettings[] = [
      { w: 1, journal: true },
      { w: 1, journal: false },
      { w: 'majority' },
      {},
    ];
    for (const [n, writeConcern] of concerns.entries()) await kept.insertOne({ _id: `${n}` }, { writeConcern });
    expect(await kept.countDocuments({}, { readConcern: { level: 'majority' } })).toBe(concerns.length);
  });

  conforms('dropDatabase leaves nothing', async () => {
    const other = engine.client.db(`${engine.db.databaseName}_b`);
    await other.collection('x').insertOne({ a: 1 });
    await other.dropDatabase();
    expect(await other.listCollections().toArray()).toEqual([]);
  });
});

describe('Mongoose', () => {
  conforms('saves, finds, versions and removes documents', async () => {
    const connection = await mongoose
      .createConnection(engine.uri, { dbName: engine.db.databaseName, autoIndex: false, autoCreate: false })
      .asPromise();
    try {
      const schema = new mongoose.Schema(
        { _id: String, name: String, tags: [String], bytes: Buffer, at: Date },
        { timestamps: true },
      );
      const Thing = connection.model('Thing', schema, 'mongoose_things');
      const thing = new Thing({ _id: 'a', name: 'one', tags: ['x'], bytes: Buffer.from([1, 2]), at: new Date(5) });
      await thing.save();
      thing.tags.push('y');
      thing.name = 'two';
      await thing.save();
      const found = await Thing.findById('a').lean();
      expect(found).toMatchObject({ name: 'two', tags: ['x', 'y'], at: new Date(5) });
      await Thing.findOneAndUpdate({ name: 'two' }, { $set: { name: 'three' } });
      expect(await Thing.countDocuments({ name: 'three' })).toBe(1);
      expect((await Thing.deleteOne({ _id: 'a' })).deletedCount).toBe(1);
    } finally {
      await connection.close();
    }
  });
});
