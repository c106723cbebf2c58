import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyIndexSteps, MongoStore } from '#libs/mongo';
import { uuidv7 } from '#libs/kernel';
import { canceled, claimed } from '../domain/task.js';
import { plainPorts, sealed, taskOf } from '../worker/task-queue.fixture.js';
import { conversionIndexes } from './conversion.indexes.js';
import { describeTaskStore } from './task.store.contract.js';
import { TASKS, TaskStore } from './task.store.js';

let dataDir: string;
let mongo: MongoStore;
let tasks: TaskStore;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'assay-tasks-'));
  mongo = await MongoStore.open({ uri: process.env['MONGODB_URI'], dataDir });
  await applyIndexSteps(mongo, conversionIndexes);
  tasks = new TaskStore(mongo);
});
afterAll(async () => {
  await mongo.close();
  await rm(dataDir, { recursive: true, force: true });
});

const emptied = async (): Promise<TaskStore> => {
  await mongo.collection(TASKS).deleteMany({});
  return tasks;
};

describeTaskStore('TaskStore', emptied);

describe('TaskStore', () => {
  it('keeps the events of a transition in the same document, in order', async () => {
    const store = await emptied();
    const [created] = await plainPorts.seal([draft('task.created')]);
    const task = taskOf(uuidv7(), 'a', await store.now());
    await store.insert(task, [created!]);
    const held = (await store.apply(task, claimed(task, 'w'), [sealed(draft('task.claimed'))]))!;
    await store.apply(held, canceled(held, new Date()), [sealed(draft('task.finished'))]);
    const found = await mongo.collection<{ _id: string; outbox: { kind: string }[] }>(TASKS).findOne({ _id: task.id });
    expect(found?.outbox.map(({ kind }) => kind)).toEqual(['task.created', 'task.claimed', 'task.finished']);
  });

  it('remembers that an ended task is to be swept until it is', async () => {
    const store = await emptied();
    const task = taskOf(uuidv7(), 'a', await store.now());
    await store.insert(task, []);
    const held = (await store.apply(task, claimed(task, 'w'), []))!;
    await store.apply(held, canceled(held, new Date()), []);
    const later = new Date((await store.now()).getTime() + 1_000);
    expect((await store.unswept(later)).map(({ id }) => id)).toEqual([task.id]);
    await store.swept(task.id);
    expect(await store.unswept(later)).toEqual([]);
  });

  it('shows progress of the asked jobs of the tenant only', async () => {
    const store = await emptied();
    const [one, two] = [taskOf(uuidv7(), 'a', await store.now()), taskOf(uuidv7(), 'b', await store.now())];
    await store.insert(one, []);
    await store.insert(two, []);
    expect(await store.progressOf('a', [one.job_id, two.job_id])).toEqual([
      { job_id: one.job_id, stage: null, progress: 0, stages: [] },
    ]);
  });
});

function draft(kind: string) {
  return { kind, scope: { tenant: 'a' }, actor: { type: 'system', id: 'conversion' } as const, data: {} };
}
