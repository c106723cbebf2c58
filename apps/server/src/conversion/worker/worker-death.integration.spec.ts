import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buffer } from 'node:stream/consumers';
import { uuidv7 } from '#libs/kernel';
import { applyIndexSteps, MongoStore } from '#libs/mongo';
import { type ObjectStore, openObjectStore } from '#libs/object-store';
import { builtProgram } from '../child/built-program.js';
import { conversionFixture, type ConversionFixture } from '../child/conversion.fixture.js';
import { isFinished, type Task } from '../domain/task.js';
import { conversionIndexes } from '../storage/conversion.indexes.js';
import { TASKS, TaskStore } from '../storage/task.store.js';
import { plainPorts, taskOf, TIMES } from './task-queue.fixture.js';
import { TaskQueue } from './task-queue.js';

const REFERENCES = 48;

let folder: string;
let mongo: MongoStore;
let tasks: TaskStore;
let objects: ObjectStore;
let fixture: ConversionFixture;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-worker-'));
  mongo = await MongoStore.open({ dataDir: folder });
  await applyIndexSteps(mongo, conversionIndexes);
  tasks = new TaskStore(mongo);
  objects = await openObjectStore(pathToFileURL(join(folder, 'objects')).href);
  fixture = await conversionFixture();
});
afterEach(async () => {
  for (const worker of started.splice(0)) await ended(worker, 'SIGKILL');
  await mongo.collection(TASKS).deleteMany({});
});
afterAll(async () => {
  await fixture.remove();
  objects.close();
  await mongo.close();
  await rm(folder, { recursive: true, force: true });
});

async function worker(): Promise<ChildProcess> {
  const process = fork(builtProgram(import.meta.url, './worker.fixture.js'), [mongo.uri, folder], { execArgv: [] });
  started.push(process);
  await once(process, 'message');
  return process;
}

async function ended(process: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (process.exitCode !== null || process.signalCode !== null) return process.exitCode;
  const exit = once(process, 'exit') as Promise<[number | null]>;
  process.kill(signal);
  return (await exit)[0];
}

/** A task with its inputs in the object store. */
async function submitted(count = REFERENCES): Promise<Task> {
  const order = fixture.order(count);
  const [id, tenant] = [uuidv7(), 'tenant-a'];
  const prefix = `tenants/${tenant}/jobs/job-${id}/input`;
  await objects.put(`${prefix}/model.onnx`, await readFile(order.files.model));
  const references = order.input.references.map(({ sha256 }) => ({ key: `${prefix}/refs/${sha256}`, sha256 }));
  const files = new Map(references.map(({ key }, index) => [key, order.files.references[index]!]));
  for (const [key, file] of files) await objects.put(key, await readFile(file));
  const model = { ...order.input.model, key: `${prefix}/model.onnx` };
  const task = { ...taskOf(id, tenant, await tasks.now()), input: { ...order.input, model, references } };
  await tasks.insert(task, []);
  return task;
}

async function reached(id: string, condition: (task: Task) => boolean): Promise<Task> {
  for (;;) {
    const task = (await tasks.read(id))!;
    if (condition(task)) return task;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function kindsOf(id: string): Promise<string[]> {
  const found = await mongo.collection<{ _id: string; outbox: { kind: string }[] }>(TASKS).findOne({ _id: id });
  return found!.outbox.map(({ kind }) => kind);
}

async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of objects.list(prefix)) keys.push(key);
  return keys;
}

/** The one end, with outputs that are what the task says, and in time nothing else. */
async function expectCompletedOnce(task: Task): Promise<void> {
  const done = await reached(task.id, ({ state }) => isFinished(state));
  expect(done).toMatchObject({ state: 'succeeded', outcome: { status: 'succeeded', report: { verdict: 'good' } } });
  const kinds = await kindsOf(task.id);
  expect(kinds.filter((kind) => kind === 'task.finished')).toHaveLength(1);
  expect(kinds.at(-1)).toBe('task.finished');
  const { artifacts } = done.outcome!;
  for (const { key, sha256 } of artifacts) {
    const bytes = await buffer((await objects.get(key)).body);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  }
  const named = artifacts.map(({ key }) => key).sort();
  for (;;) {
    const below = await keysBelow(`tenants/${task.tenant}/jobs/${task.job_id}/work/`);
    expect(below).toEqual(expect.arrayContaining(named));
    if (below.length === named.length) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const atStage = (stage: string) => (task: Task) => task.stages.some((found) => found.stage === stage);

describe('a worker process that is killed (SIGKILL)', () => {
  it.each<[string, (task: Task) => boolean]>([
    ['when it has just claimed', ({ state }) => state === 'running'],
    ['in the ONNX stage', atStage('ONNX')],
    ['in the BIE stage', atStage('BIE')],
    ['in the NEF stage', atStage('NEF')],
  ])('%s leaves a task that another completes, once', async (_, condition) => {
    const task = await submitted();
    const victim = await worker();
    await reached(task.id, condition);
    await ended(victim, 'SIGKILL');
    await worker();
    await expectCompletedOnce(task);
  });

  it('leaves no folder once the next one has started', async () => {
    const task = await submitted();
    const victim = await worker();
    await reached(task.id, atStage('BIE'));
    await ended(victim, 'SIGKILL');
    await worker();
    expect((await readdir(join(folder, 'scratch'))).filter((name) => name.startsWith(`${victim.pid}-`))).toEqual([]);
  });
});

describe('a worker process that is frozen (SIGSTOP) and comes back', () => {
  it('ends its work without a trace when its task was given to another', async () => {
    const task = await submitted();
    const frozen = await worker();
    await reached(task.id, atStage('BIE'));
    frozen.kill('SIGSTOP');
    await worker();
    await reached(task.id, ({ token }) => token === 2);
    frozen.kill('SIGCONT');
    await expectCompletedOnce(task);
    expect((await tasks.read(task.id))!.token).toBe(2);
  });
});

describe('a worker process that is asked to leave (SIGTERM)', () => {
  it('finishes what it has, claims nothing more and ends by itself', async () => {
    const first = await submitted();
    const leaving = await worker();
    await reached(first.id, atStage('BIE'));
    const second = await submitted();
    expect(await ended(leaving, 'SIGTERM')).toBe(0);
    expect(await tasks.read(first.id)).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(await tasks.read(second.id)).toMatchObject({ state: 'queued', token: 0 });
  });
});

describe('a running task that is canceled', () => {
  it('ends as canceled and keeps no outputs', async () => {
    const task = await submitted(10 * REFERENCES);
    await worker();
    await reached(task.id, atStage('BIE'));
    const queue = new TaskQueue(tasks, plainPorts, { ...TIMES, maxAttempts: 3, random: Math.random });
    await queue.cancel(task.tenant, task.job_id);
    const done = await reached(task.id, ({ state }) => isFinished(state));
    expect(done).toMatchObject({ state: 'canceled', outcome: { status: 'canceled', artifacts: [] } });
    while ((await keysBelow(`tenants/${task.tenant}/jobs/${task.job_id}/work/`)).length > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
