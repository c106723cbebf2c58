import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import mongoose from 'mongoose';
import { startEmbeddedMongo, type EmbeddedMongo } from '#libs/embedded-mongo';
import { uuidv7 } from '#libs/kernel';
import { fixtureCnn, fixtureImages, WireProxy, type RunningServer } from '#libs/testing';
import { Api, startedServer, until, type JobAnswer, type Part } from './jobs.fixture.js';
import { costOf, recordedCommands, type Cost, type RecordedCommand } from './recorded-commands.fixture.js';

/** Queries that may look at more than twice what they return, and why. One that is no longer dear fails the test. */
const EXCEPTIONS: Record<string, string> = {
  'find ledger_keys {} sort {"created_at":1}': 'read whole: the public halves of a deployment’s keys, a handful',
  'find archive_restorations {}': 'read whole: batches that are restored for a while, a handful',
  'find api_keys {kept_in: ?, revoked_at: {$exists: ?}, _id: {$ne: ?}}':
    'read whole, once at the start of a process that has the operator’s key file',
  'find index_steps {}': 'read whole, once at start: one document for each change of an index',
  'aggregate outbox_dead [{$match: {}}, {$group: {_id: ?, n: {$sum: ?}}}]': 'counted whole: there should be none',
  'find ledger_verdicts {} sort {"_id":1}':
    'read whole, a document a ledger; not there at all before the first verification has ended',
  'find jobs {tenant: ?, labels: ?} sort {"_id":-1}': 'the embedded engine indexes no lists; read newest first',
  'find ledger_entries {tenant: ?, job_id: ?, kind: ?} sort {"ts":-1,"seq":-1}':
    'read by the job: its events are few, and one more index would cost every append',
};
/** A range ends at the first key outside of it, and a look-up by key may see that there is no second one. */
const SLACK = 2;
/** Of one shape, so many commands with different values are explained. */
const PER_SHAPE = 20;
const OTHERS = 300;

let folder: string;
let archive: { url: string; tokenUrl: string; close(): Promise<void> };
let engine: EmbeddedMongo;
let proxy: WireProxy;
let client: mongoose.mongo.MongoClient;
let server: RunningServer;
let api: Api;
let commands: RecordedCommand[];
let given: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-test-'));
  engine = await startEmbeddedMongo({ dataDir: join(folder, 'engine') });
  proxy = await WireProxy.before(engine.uri);
  commands = recordedCommands(proxy);
  client = await mongoose.mongo.MongoClient.connect(engine.uri);
  given = process.env['MONGODB_URI'];
  process.env['MONGODB_URI'] = proxy.uri;
  const path = resolve(__dirname, '../../infrastructure/dev/archive-stand-in.mjs');
  const { startArchiveStandIn } = (await import(path)) as {
    startArchiveStandIn: (options: object) => Promise<typeof archive>;
  };
  archive = await startArchiveStandIn({ folder: join(folder, 'archive'), clientId: 'assay', clientSecret: 'secret' });
  await start();
});

afterAll(async () => {
  await server?.remove();
  await archive?.close();
  await client?.close();
  await proxy?.close();
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
  if (given === undefined) delete process.env['MONGODB_URI'];
  else process.env['MONGODB_URI'] = given;
});

async function start(): Promise<void> {
  const env = {
    FAA_URL: archive.url,
    FAA_TOKEN_URL: archive.tokenUrl,
    FAA_CLIENT_ID: 'assay',
    FAA_CLIENT_SECRET: 'secret',
  };
  server = await startedServer(env, join(folder, 'assay-test-server'));
  api = Api.of(server);
}

async function submitted(user: string): Promise<JobAnswer> {
  const images = (await fixtureImages(2)).map((image, index): Part => ['ref_images[]', image, `${index}.png`]);
  const fields: Part[] = [
    ['platform', '720'],
    ['user_id', user],
    ['labels', 'night'],
  ];
  return api.submitted([...fields, ['model', fixtureCnn(), 'cnn.onnx'], ...images]);
}

/** Copies of a document of the product's own, so that reading too much would show. */
async function multiplied(name: string, change: (n: number) => Record<string, unknown>): Promise<void> {
  const { database } = commands.find(({ collection }) => collection === name)!;
  const collection = client.db(database).collection(name);
  const original = (await collection.findOne())!;
  const copies = Array.from({ length: OTHERS }, (_, n) => ({ ...original, _id: randomUUID(), ...change(n) }));
  await collection.insertMany(copies as never[]);
}

const tenant = (n: number): string => (n % 2 === 0 ? 'default' : `other-${n}`);
const ago = (n: number): Date => new Date(Date.now() - n * 60_000);

async function filled(): Promise<void> {
  await multiplied('jobs', (n) => ({
    _id: uuidv7(ago(n).getTime()),
    labels: [],
    tenant: n % 4 === 3 ? `other-${n}` : 'default',
    user_id: `user-${n}`,
    status: ['COMPLETED', 'FAILED', 'CANCELED', 'QUEUED'][n % 7] ?? 'EXPIRED',
    platform: ['520', '720'][n % 11] ?? '730',
    created_at: ago(n),
  }));
  await multiplied('tasks', (n) => ({ tenant: tenant(n), job_id: randomUUID(), finished_at: ago(-n), unswept: true }));
  await multiplied('promotions', (n) => ({ tenant: tenant(n) }));
  await multiplied('downloads', (n) => ({ tenant: tenant(n), open: true, started_at: ago(-n) }));
  await multiplied('uploads', (n) => ({ tenant: tenant(n), started_at: ago(-n) }));
  await multiplied('ledger_entries', (n) => ({ tenant: `other-${n}` }));
  await multiplied('ledger_checkpoints', (n) => ({ tenant: `other-${n}` }));
  await multiplied('subject_keys', (n) => ({ tenant: 'default', subject: `s-${n}`, pseudonym: `p-${n}` }));
  for (const name of ['api_keys', 'tenants']) await multiplied(name, () => ({}));
}

async function everyRoute(job: JobAnswer): Promise<void> {
  const created = new Date(Date.now() - 3_600_000).toISOString();
  const lists = ['', 'status=completed', 'status=failed', 'status=queued', 'status=running', 'status=in_progress'];
  lists.push('platform=720', 'user_id=user-1', 'label=night', `created_after=${created}`, `created_before=${created}`);
  for (const list of lists) {
    const page = await api.json<{ next_cursor: string | null }>(`/jobs?limit=5&${list}`);
    if (page.next_cursor) await api.json(`/jobs?limit=5&${list}&cursor=${page.next_cursor}`);
  }
  for (const path of [`/jobs/${job.id}`, `/jobs/${job.id}/report`, `/jobs/${job.id}/promotion`, '/me']) {
    expect((await api.call(path)).status).toBe(200);
  }
  for (let n = 0; n < 30; n++) await (await api.call(`/jobs/${job.id}/result`)).arrayBuffer();
  const since = new Date(Date.now() - 86_400_000).toISOString();
  const events = ['', 'kind=result.started', `job_id=${job.id}`, `kind=job.created&job_id=${job.id}`, `since=${since}`];
  events.push(`since=${since}&until=${new Date().toISOString()}&kind=result.success`);
  for (const list of events) {
    const page = await api.json<{ next_cursor: string | null }>(`/audit/events?limit=5&${list}`);
    if (page.next_cursor) await api.json(`/audit/events?limit=5&${list}&cursor=${page.next_cursor}`);
  }
  await api.json('/audit/events?after_seq=3&limit=5');
  for (const path of ['/audit/verify', '/audit/checkpoints/latest', '/audit/retention', '/audit/archives'])
    expect((await api.call(path)).status).toBe(200);
  for (const path of ['', '/live', '/ready', '/startup']) await fetch(`${server.url}/_health${path}`);
}

function seen(collection: string, text: string): () => Promise<boolean> {
  const from = commands.length;
  return async () => commands.slice(from).some((each) => each.collection === collection && each.shape.includes(text));
}

/** The dearest command of each shape. */
async function costs(): Promise<Cost[]> {
  const byShape = new Map<string, Map<string, RecordedCommand>>();
  for (const command of commands) {
    const same = byShape.get(command.shape) ?? new Map<string, RecordedCommand>();
    byShape.set(command.shape, same.set(JSON.stringify(command.body), command));
  }
  const dearest: Cost[] = [];
  for (const distinct of byShape.values()) {
    const found: Cost[] = [];
    for (const each of [...distinct.values()].slice(-PER_SHAPE)) found.push(await costOf(client, each));
    dearest.push(found.reduce((worst, each) => (excessOf(each) > excessOf(worst) ? each : worst)));
  }
  return dearest;
}

const excessOf = ({ keys, documents, returned }: Cost): number => Math.max(keys, documents) - 2 * returned;

describe('every query of the product', () => {
  it('examines at most twice what it returns', async () => {
    const job = await submitted('somebody');
    expect((await api.ended(job.id)).status).toBe('completed');
    expect((await api.call(`/jobs/${job.id}/promote`, { method: 'POST' })).status).toBeLessThan(300);
    await (await api.call(`/jobs/${job.id}/result`)).arrayBuffer();
    await filled();
    const canceled = await submitted('somebody else');
    await api.call(`/jobs/${canceled.id}/cancel`, { method: 'POST' });
    await api.ended(canceled.id);
    await everyRoute(job);
    await server.stop();
    await start();
    await Promise.all([
      until(seen('tasks', 'unswept')),
      until(seen('jobs', 'outbox_due')),
      until(seen('ledger_entries', '')),
      until(seen('ledgers', '')),
    ]);
    await server.stop();

    // The lines of writers are only there, and seen, where a relay and a command recorded the same at once.
    const found = (await costs()).filter(({ shape }) => shape.split(' ')[1] !== 'append_lines');
    const dear = found.filter((cost) => excessOf(cost) > SLACK || cost.stage === 'COLLSCAN');
    expect(dear.filter(({ shape }) => !(shape in EXCEPTIONS))).toEqual([]);
    expect(dear.map(({ shape }) => shape).sort()).toEqual(Object.keys(EXCEPTIONS).sort());
    // All of them were seen.
    const collections = found.map(({ shape }) => shape.split(' ')[1]);
    expect(new Set(collections)).toEqual(
      new Set([
        ...['jobs', 'uploads', 'tasks', 'downloads', 'promotions', 'leases', 'index_steps', 'api_keys', 'tenants'],
        ...['ledgers', 'ledger_entries', 'ledger_checkpoints', 'subject_keys', 'outbox_dead'],
        ...['archive_batches', 'archive_restorations', 'archive_retirements', 'retention_looks'],
        ...['erasures', 'legal_holds', 'restored_entries', 'ledger_statements'],
        ...['ledger_heads', 'ledger_keys', 'ledger_tiles', 'ledger_verifications', 'ledger_verdicts'],
      ]),
    );
  });
});
