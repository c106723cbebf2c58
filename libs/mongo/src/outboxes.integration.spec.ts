import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  applyIndexSteps,
  Leases,
  MongoStore,
  outboxIndex,
  outboxOf,
  outboxUpdate,
  Outboxes,
  type OutboxEvent,
  type OutboxFailure,
  type OutboxFields,
} from './index.js';

type Thing = { _id: string; tenant: string; state: number } & OutboxFields;

let dataDir: string;
let store: MongoStore;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'assay-mongo-'));
  store = await MongoStore.open({ uri: process.env['MONGODB_URI'], dataDir });
  await applyIndexSteps(store, [{ id: 'things/1', collection: 'things', create: [outboxIndex] }]);
});

afterAll(async () => {
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** A ledger that can be told to fail, and remembers what it holds in order. */
class Recorder {
  readonly recorded: string[] = [];
  readonly failures: OutboxFailure[] = [];
  failing: (event: OutboxEvent) => Error | undefined = () => undefined;

  readonly outboxes = new Outboxes(store, {
    record: async (_tenant, events) => {
      for (const event of events) {
        const error = this.failing(event);
        if (error) throw error;
      }
      for (const { id } of events) if (!this.recorded.includes(id)) this.recorded.push(id);
    },
    isPermanent: (error) => (error as Error).message === 'permanent',
    failed: (failure) => this.failures.push(failure),
  });

  constructor() {
    this.outboxes.aggregate('things');
  }
}

const event = (id: string, kind = 'thing.made'): OutboxEvent => ({ id, tenant: 't', kind, bytes: Buffer.from(id) });
const things = () => store.collection<Thing>('things');
const added = (id: string, ...events: OutboxEvent[]) =>
  things().insertOne({ _id: id, tenant: 't', state: 0, ...outboxOf(events) });
const found = async (id: string) => (await things().findOne({ _id: id }))!;

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(20);
}

describe('Outboxes', () => {
  describe('drain', () => {
    it('records in order, runs the reactions, and leaves nothing waiting', async () => {
      const { outboxes, recorded } = new Recorder();
      const heard: string[] = [];
      outboxes.react({
        name: 'hear',
        kind: 'thing.moved',
        run: async ({ bytes }) => void heard.push(Buffer.from(bytes).toString()),
      });
      await added('a', event('a1'), event('a2', 'thing.moved'));
      const { $push, $set } = outboxUpdate([event('a3', 'thing.moved')]);
      await things().updateOne({ _id: 'a' }, { $push, $set: { ...$set, state: 1 } });
      await outboxes.drain('things', 'a');
      expect(recorded).toEqual(['a1', 'a2', 'a3']);
      expect(heard).toEqual(['a2', 'a3']);
      expect(await found('a')).toEqual({ _id: 'a', tenant: 't', state: 1, outbox: [] });
    });

    it('rejects when recording fails, and keeps the events for the relay', async () => {
      const recorder = new Recorder();
      recorder.failing = () => new Error('away');
      await added('b', event('b1'));
      await expect(recorder.outboxes.drain('things', 'b')).rejects.toThrow('away');
      expect((await found('b')).outbox.map(({ id }) => id)).toEqual(['b1']);
      expect(recorder.failures).toMatchObject([{ step: 'record', attempts: 1, dead: false }]);
    });

    it('retries a failing reaction without recording anew, and holds back what follows', async () => {
      const recorder = new Recorder();
      let failures = 2;
      const heard: string[] = [];
      recorder.outboxes.react({
        name: 'stumble',
        kind: 'thing.made',
        run: async ({ id }) => {
          if (failures-- > 0) throw new Error('not yet');
          heard.push(id);
        },
      });
      await added('c', event('c1'), event('c2'));
      await recorder.outboxes.drain('things', 'c');
      expect(heard).toEqual([]);
      await recorder.outboxes.drain('things', 'c');
      await recorder.outboxes.drain('things', 'c');
      expect(heard).toEqual(['c1', 'c2']);
      expect(recorder.failures.map(({ step, attempts }) => [step, attempts])).toEqual([
        ['stumble', 1],
        ['stumble', 2],
      ]);
      expect(recorder.recorded).toEqual(['c1', 'c2']);
    });

    it('buries an event that can never be recorded, visibly, and goes on with the next', async () => {
      const recorder = new Recorder();
      recorder.failing = ({ id }) => (id === 'd1' ? new Error('permanent') : undefined);
      await added('d', event('d1'), event('d2'));
      await recorder.outboxes.drain('things', 'd');
      await recorder.outboxes.drain('things', 'd');
      expect(recorder.recorded).toEqual(['d2']);
      expect(await store.collection('outbox_dead').findOne({ event_id: 'd1' })).toMatchObject({
        step: 'record',
        aggregate: 'd',
      });
      expect((await found('d')).outbox).toEqual([]);
    });
  });

  describe('the relay', () => {
    it('drains what a crash left', async () => {
      const recorder = new Recorder();
      await added('e', event('e1'));
      await things().updateOne({ _id: 'e' }, { $set: { outbox_due: new Date(0) } });
      recorder.outboxes.start();
      await until(async () => (await found('e')).outbox_due === undefined);
      await recorder.outboxes.stop();
      expect(recorder.recorded).toContain('e1');
    });
  });
});

describe('Leases', () => {
  it('give a name to one owner at a time, with a token that only grows', async () => {
    const leases = new Leases(store);
    const first = await leases.acquire('night', 'a', 60_000);
    expect(first).toMatchObject({ owner: 'a', token: 1 });
    expect(await leases.acquire('night', 'b', 60_000)).toBeNull();
    expect(await leases.renew(first!)).toBe(true);
    await leases.release(first!);
    const second = await leases.acquire('night', 'b', 60_000);
    expect(second).toMatchObject({ owner: 'b', token: 2 });
    expect(await leases.renew(first!)).toBe(false);
  });

  it('run out by the clock of the store', async () => {
    const leases = new Leases(store);
    await leases.acquire('short', 'a', 1);
    const start = (await store.now()).getTime();
    await until(async () => (await store.now()).getTime() > start + 2);
    expect(await leases.acquire('short', 'b', 60_000)).toMatchObject({ owner: 'b', token: 2 });
  });

  it('let one of many through at once, also on a name nobody had', async () => {
    const leases = new Leases(store);
    const taken = await Promise.all(Array.from({ length: 12 }, (_, n) => leases.acquire('race', `o${n}`, 60_000)));
    expect(taken.filter((lease) => lease !== null)).toHaveLength(1);
  });
});

describe('applyIndexSteps', () => {
  it('runs each step once, and rejects with MONGO.INDEX_STEP_FAILED when documents break it', async () => {
    const step = {
      id: 'pairs/1',
      collection: 'pairs',
      create: [{ name: 'by_n', key: { n: 1 } as const, unique: true }],
    };
    await store.collection<{ n: number }>('pairs').insertMany([{ n: 1 }, { n: 1 }]);
    await expect(applyIndexSteps(store, [step])).rejects.toMatchObject({ code: 'MONGO.INDEX_STEP_FAILED' });
    await store.collection('pairs').deleteMany({});
    await applyIndexSteps(store, [step]);
    await applyIndexSteps(store, [step]);
    expect((await store.collection('pairs').indexes()).map(({ name }) => name)).toContain('by_n');
  });
});
