import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { assertSocketPath, startEmbeddedMongo, type EmbeddedMongo } from './embedded-mongo.js';

type Doc = { _id: string; [field: string]: unknown };

const built = pathToFileURL(join(__dirname, '../../../dist/libs/embedded-mongo/src/index.js')).href;
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'embedded-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function socketOf(uri: string): string {
  return decodeURIComponent(/^mongodb:\/\/([^/]+)\//.exec(uri)![1]!);
}

async function clientOf(uri: string): Promise<mongoose.mongo.MongoClient> {
  return new mongoose.mongo.MongoClient(uri, { writeConcern: { w: 'majority', journal: true } }).connect();
}

describe('startEmbeddedMongo', () => {
  it('writes URI and data for their owner only, and leaves nothing but data behind', async () => {
    const engine = await startEmbeddedMongo({ dataDir });
    const folder = dirname(socketOf(engine.uri));
    expect(readFileSync(join(dataDir, 'mongo.uri'), 'utf8').trim()).toBe(engine.uri);
    for (const file of ['mongo.uri', 'mongo.mdb', 'mongo.mdb-lock']) {
      expect([file, statSync(join(dataDir, file)).mode & 0o777]).toEqual([file, 0o600]);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await engine.stop();
    expect(
      [folder, join(dataDir, 'mongo.uri'), join(dataDir, 'mongo.lock')].filter((path) => existsSync(path)),
    ).toEqual([]);
  });

  it('refuses a folder that is in use with EMBEDDED.LOCKED, and keeps what was written when opened again', async () => {
    const first = await startEmbeddedMongo({ dataDir });
    await expect(startEmbeddedMongo({ dataDir })).rejects.toMatchObject({ code: 'EMBEDDED.LOCKED' });
    const client = await clientOf(first.uri);
    await client.db('d').collection<Doc>('c').insertOne({ _id: 'a' });
    await client.close();
    await first.stop();
    const second = await startEmbeddedMongo({ dataDir });
    const again = await clientOf(second.uri);
    expect(await again.db('d').collection<Doc>('c').find().toArray()).toEqual([{ _id: 'a' }]);
    await again.close();
    await second.stop();
  });

  it('refuses a socket path the system would cut with EMBEDDED.SOCKET_PATH', () => {
    expect(() => assertSocketPath(`/tmp/${'x'.repeat(102)}`)).not.toThrow();
    expect(() => assertSocketPath(`/tmp/${'x'.repeat(103)}`)).toThrow(
      expect.objectContaining({ code: 'EMBEDDED.SOCKET_PATH' }),
    );
  });
});

describe('a running engine', () => {
  let engine: EmbeddedMongo;
  let client: mongoose.mongo.MongoClient;

  beforeEach(async () => {
    engine = await startEmbeddedMongo({ dataDir });
    client = await clientOf(engine.uri);
  });
  afterEach(async () => {
    await client.close();
    await engine.stop();
  });

  async function closedAfter(bytes: Buffer): Promise<boolean> {
    const socket = connect(socketOf(engine.uri));
    socket.on('error', () => undefined);
    socket.end(bytes);
    socket.resume();
    await once(socket, 'close');
    return socket.destroyed;
  }

  it('closes a connection that sends rubbish, and that connection only', async () => {
    const things = client.db('d').collection<Doc>('c');
    await things.insertOne({ _id: 'a' });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 200 }), async (bytes) => {
        expect(await closedAfter(Buffer.from(bytes))).toBe(true);
        expect(await things.countDocuments({ _id: 'a' })).toBe(1);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a transaction with 20', async () => {
    const command = {
      insert: 'c',
      documents: [{ _id: 'a' }],
      txnNumber: mongoose.mongo.Long.fromNumber(1),
      autocommit: false,
    };
    await expect(client.db('d').command({ ...command, startTransaction: true })).rejects.toMatchObject({ code: 20 });
  });

  it.each([
    ['Decimal128', mongoose.mongo.Decimal128.fromString('1.5')],
    ['a 64-bit integer over 2^53', mongoose.mongo.Long.MAX_VALUE],
    ['a timestamp', new mongoose.mongo.Timestamp({ t: 1, i: 1 })],
    ['a regular expression', /x/],
  ])('refuses to store %s with 2', async (_what, value) => {
    const things = client.db('d').collection<Doc>('c');
    await expect(things.insertOne({ _id: 'a', value })).rejects.toMatchObject({ code: 2 });
    await things.insertOne({ _id: 'b' });
    await expect(things.updateOne({ _id: 'b' }, { $set: { value } })).rejects.toMatchObject({ code: 2 });
  });

  it('refuses to sort more than 32 MiB in memory with 292, and sorts them by an index', async () => {
    const things = client.db('d').collection<Doc>('c');
    const bytes = Buffer.alloc(1024 * 1024);
    for (let n = 0; n < 34; n++) await things.insertOne({ _id: `${n}`, n: 34 - n, bytes });
    await expect(things.find().sort({ n: 1 }).toArray()).rejects.toMatchObject({ code: 292 });
    await things.createIndex({ n: 1 });
    const found = await things
      .find({}, { projection: { n: 1 } })
      .sort({ n: 1 })
      .toArray();
    expect(found.map(({ n }) => n)).toEqual(Array.from({ length: 34 }, (_, n) => n + 1));
  });

  it('leaves nothing of a document that its last index refuses, and keeps what came before it', async () => {
    const things = client.db('d').collection<Doc>('c');
    for (const name of ['a', 'b', 'c']) await things.createIndex({ [name]: 1 }, { unique: name !== 'b', name });
    const list = [1, 2, 3, 4].map((n) => ({ _id: `${n}`, a: n, b: n, c: n === 3 ? 1 : n }));
    await expect(things.insertMany(list)).rejects.toMatchObject({ code: 11000, insertedCount: 2 });
    expect(await client.db('d').command({ validate: 'c' })).toMatchObject({ valid: true, errors: [], nrecords: 2 });
    await things.insertOne({ _id: '3', a: 3, b: 3, c: 3 });
  });

  it('stops at the limit where several values of a field are read in the order of the next', async () => {
    const things = client.db('d').collection<Doc>('c');
    await things.createIndex({ status: 1, at: -1 });
    await things.insertMany(Array.from({ length: 300 }, (_, n) => ({ _id: `${n}`, status: `s${n % 5}`, at: n })));
    const newest = things
      .find({ status: { $in: ['s1', 's3'] } })
      .sort({ at: -1 })
      .limit(6);
    expect((await newest.toArray()).map(({ at }) => at)).toEqual([298, 296, 293, 291, 288, 286]);
    expect(await newest.explain('executionStats')).toMatchObject({
      executionStats: { nReturned: 6, totalKeysExamined: 6 },
    });
  });

  it('takes a message of almost 48 MB, and gives its documents back', async () => {
    const things = client.db('d').collection<Doc>('c');
    const bytes = randomBytes(15_900_000);
    await things.insertMany([0, 1, 2].map((n) => ({ _id: `${n}`, bytes })));
    expect(await client.db('d').command({ hello: 1 })).toMatchObject({ maxMessageSizeBytes: 48_000_000 });
    const found = await things.find({}, { promoteBuffers: true }).toArray();
    expect(found.map(({ _id, bytes: read }) => [_id, bytes.equals(read as Buffer)])).toEqual([
      ['0', true],
      ['1', true],
      ['2', true],
    ]);
  });

  it('gives a cursor everything that stays, while others write between its batches', async () => {
    const things = client.db('d').collection<Doc>('c');
    await things.createIndex({ n: 1 });
    await things.insertMany(Array.from({ length: 300 }, (_, n) => ({ _id: `${n}`, n })));
    const cursor = things
      .find({ n: { $gte: 0 } })
      .sort({ n: 1 })
      .batchSize(10);
    const seen: unknown[] = [];
    for await (const doc of cursor) {
      seen.push(doc['n']);
      if (seen.length % 10 === 0) {
        await things.deleteOne({ n: seen.length - 1 });
        await things.insertOne({ _id: `x${seen.length}`, n: -seen.length });
      }
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  it('gives the same with indexes as without, whatever is asked and written', async () => {
    const field = fc.constantFrom('a', 'b');
    const value = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('x', 'y', 'xy', null, true));
    const condition = fc.oneof(
      value,
      fc.record({ $in: fc.array(value, { maxLength: 3 }) }),
      fc.dictionary(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), value, { minKeys: 1, maxKeys: 2 }),
      fc.constantFrom({ $exists: true }, { $ne: 2 }),
    );
    const docs = fc.array(fc.dictionary(field, value), { minLength: 1, maxLength: 25 });
    const asked = fc.record({
      filter: fc.dictionary(field, condition),
      sort: fc.uniqueArray(fc.tuple(field, fc.constantFrom(1 as const, -1 as const)), { selector: ([name]) => name }),
      skip: fc.nat(3),
      limit: fc.nat(6),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(docs, fc.array(asked, { minLength: 1, maxLength: 6 }), value, async (list, queries, changed) => {
        const name = `r${round++}`;
        const [plain, indexed] = [client.db('p').collection<Doc>(name), client.db('i').collection<Doc>(name)];
        await indexed.createIndexes([
          { name: 'ab', key: { a: 1, b: -1 } },
          { name: 'b', key: { b: -1 } },
          { name: 'abid', key: { a: 1, b: 1, _id: 1 } },
          { name: 'aid', key: { a: 1, _id: -1 } },
          { name: 'p', key: { a: -1 }, partialFilterExpression: { a: { $exists: true } } },
        ]);
        for (const each of [plain, indexed]) {
          await each.insertMany(list.map((doc, n) => ({ ...doc, _id: `${n}` })));
          await each.updateMany({ a: 1 }, { $set: { b: changed } });
          await each.deleteMany({ b: 3 });
        }
        for (const { filter, sort, skip, limit } of queries) {
          const order = [...sort, ['_id', 1]] as [string, 1 | -1][];
          const read = (from: mongoose.mongo.Collection<Doc>): Promise<Doc[]> =>
            from
              .find(filter as never)
              .sort(order)
              .skip(skip)
              .limit(limit)
              .batchSize(3)
              .toArray();
          expect(await read(indexed)).toEqual(await read(plain));
        }
        expect(await client.db('i').command({ validate: name })).toMatchObject({ valid: true, errors: [] });
      }),
      { numRuns: 60 },
    );
  });
});

describe("the end of the engine's thread", () => {
  /** Keeps hold of the thread, ends it, and would go on for ever. */
  const program = `
    const threads = (await import('node:worker_threads')).default;
    let engine;
    threads.Worker = class extends threads.Worker { constructor(...given) { super(...given); engine = this; } };
    (await import('node:module')).syncBuiltinESMExports();
    const { startEmbeddedMongo } = await import(${JSON.stringify(built)});
    await startEmbeddedMongo({ dataDir: process.argv[1] });
    setInterval(() => undefined, 1000);
    await engine.terminate();`;

  it('ends the process with 70, saying why', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(70);
    expect(said).toContain('the process exits');
  });
});

describe('kill -9', () => {
  const program = `
    const { startEmbeddedMongo } = await import(${JSON.stringify(built)});
    const { uri } = await startEmbeddedMongo({ dataDir: process.argv[1] });
    console.log(uri);`;

  async function started(): Promise<{ child: ChildProcess; uri: string }> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the engine ended with ${String(code)}`)),
    );
    const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
    ended.catch(() => undefined); // it will be killed
    return { child, uri: line.toString().trim() };
  }

  it('loses no acknowledged write, and every index agrees with the documents', async () => {
    const acknowledged = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const { child, uri } = await started();
      const client = await clientOf(uri);
      const things = client.db('d').collection<Doc>('c');
      await things.createIndexes([
        { name: 'k', key: { k: 1 }, unique: true },
        { name: 'group', key: { group: 1, at: -1 } },
      ]);
      const enough = acknowledged.size + 200;
      let killed = false;
      const writer = async (writer: number): Promise<void> => {
        for (let n = 0; !killed; n++) {
          const ids = [0, 1, 2].map((part) => `${round}-${writer}-${n}-${part}`);
          try {
            await things.insertMany(ids.map((_id) => ({ _id, k: `k${_id}`, group: n % 5, at: new Date() })));
            await things.updateOne({ _id: ids[0]! }, { $set: { group: 9 } });
          } catch {
            return;
          }
          for (const id of ids) acknowledged.add(id);
          if (acknowledged.size >= enough && !killed) {
            killed = true;
            child.kill('SIGKILL');
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, n) => writer(n)));
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await client.close(true);
    }
    const engine = await startEmbeddedMongo({ dataDir });
    const client = await clientOf(engine.uri);
    const stored = new Set(await client.db('d').collection<Doc>('c').distinct('_id'));
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    expect(await client.db('d').command({ validate: 'c' })).toMatchObject({
      valid: true,
      errors: [],
      nrecords: stored.size,
    });
    await client.close();
    await engine.stop();
  });
});
