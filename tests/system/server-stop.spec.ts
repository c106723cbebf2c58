import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { createHash } from 'node:crypto';
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endedServer, startServer, type RunningServer } from '#libs/testing';
import { largeModel } from './large-model.fixture.js';
import {
  descendants,
  endedJob,
  get,
  isRunning,
  ledgerOf,
  modesIn,
  submission,
  submitted,
  until,
  type Job,
} from './server.fixture.js';

let root: string;
let server: RunningServer;

const start = (): Promise<RunningServer> =>
  startServer({ dataDir: join(root, 'data'), env: { TMPDIR: join(root, 'tmp'), LOG_SAMPLE_RATE: '1' } });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'assay-test-'));
  await mkdir(join(root, 'tmp'));
  server = await start();
});

afterEach(async () => {
  await server.remove();
  await rm(root, { recursive: true, force: true });
});

describe('SIGTERM', () => {
  it('with nothing to do leaves the data and nothing else: no child, no socket, no lock, no address', async () => {
    await until(() => descendants(server.pid).length > 0);
    const children = descendants(server.pid);
    expect(await server.stop()).toBe(0);
    expect(children.filter(isRunning)).toEqual([]);
    const left = Object.keys(modesIn(server.dataDir));
    expect(left.filter((name) => /^(server\.json|mongo\.uri|mongo\.lock|scratch\/.+)$/.test(name))).toEqual([]);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    expect(server.errors()).toMatch(
      /^(assay: the operator's key was written to [^\n]+\n)?assay: listening on [^\n]+\n$/,
    );
  });

  it('lets an upload in flight end, and its connection with it; the job is done after the next start', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const upload = await begunUpload(server, await submission('slow'), agent);
    const stopped = server.stop();
    await until(async () => !(await accepts(server)));
    upload.send();
    const { status, body } = await upload.answer;
    expect(status).toBe(202);
    const cut = askedUntilCut(server, agent);
    expect(await stopped).toBe(0);
    // One on the connection of the upload, which that answer ends; there is no other.
    expect(await cut).toBeLessThanOrEqual(1);
    server = await start();
    expect(await endedJob(server, (JSON.parse(body) as Job).id)).toMatchObject({ status: 'completed' });
  });

  it('lets a download in flight end: all bytes arrive, and the ledger says so', async () => {
    const job = await submitted(server, await submission('large', largeModel()));
    const { result } = await endedJob(server, job.id);
    const download = await begunDownload(server, job.id);
    expect(server.log()).not.toContain('"action":"result.');
    const stopped = server.stop();
    await until(async () => !(await accepts(server)));
    expect(sha256(await download.rest())).toBe(result!.sha256);
    expect(await stopped).toBe(0);
    server = await start();
    const kinds = (await ledgerOf(server)).filter(({ event }) => event.kind.startsWith('result.'));
    expect(kinds.map(({ event }) => event.kind)).toEqual(['result.started', 'result.success']);
  });

  it('finishes a running conversion or gives it back: the job is done after the next start, once', async () => {
    const job = await submitted(server, await submission('running'));
    await until(async () => ((await (await get(server, `/jobs/${job.id}`)).json()) as Job).status === 'running');
    const children = descendants(server.pid);
    expect(await server.stop()).toBe(0);
    expect(children.filter(isRunning)).toEqual([]);
    server = await start();
    expect(await endedJob(server, job.id)).toMatchObject({ status: 'completed' });
    const ends = (await ledgerOf(server)).filter(({ event }) => /^(task|job)\.finished$/.test(event.kind));
    expect(ends.map(({ event }) => event.kind)).toEqual(['task.finished', 'job.finished']);
  });

  it('while it starts ends it as soon as it has started, with nothing left', async () => {
    expect(await server.stop()).toBe(0);
    const lock = join(server.dataDir, 'mongo.lock');
    const ending = endedServer({ dataDir: server.dataDir, env: { TMPDIR: join(root, 'tmp') } });
    await until(() => existsSync(lock));
    process.kill((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid, 'SIGTERM');
    expect(await ending).toMatchObject({ code: 0, stderr: expect.stringMatching(/^assay: listening on [^\n]+\n$/) });
    expect([existsSync(lock), existsSync(join(server.dataDir, 'server.json'))]).toEqual([false, false]);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('does not wait for a caller that keeps its connection and asks for nothing', async () => {
    const silent = connect(Number(new URL(server.url).port), '127.0.0.1');
    silent.write('GET /_health/live HTTP/1.1\r\nHost: assay\r\n\r\n');
    await once(silent, 'data');
    const closed = once(silent, 'close');
    expect(await server.stop()).toBe(0);
    await closed;
  });
});

describe('Ctrl-C, which a terminal sends to children too and npm passes on once more', () => {
  it('loses no conversion: the job is done after the next start, once', async () => {
    const job = await submitted(server, await submission('interrupted'));
    await until(async () => ((await (await get(server, `/jobs/${job.id}`)).json()) as Job).status === 'running');
    const children = descendants(server.pid);
    for (const pid of [server.pid, ...children.map((child) => child.pid), server.pid]) process.kill(pid, 'SIGINT');
    expect(await server.stop()).toBe(0);
    expect(children.filter(isRunning)).toEqual([]);
    server = await start();
    expect(await endedJob(server, job.id)).toMatchObject({ status: 'completed' });
    const ends = (await ledgerOf(server)).filter(({ event }) => /^(task|job)\.finished$/.test(event.kind));
    expect(ends.map(({ event }) => event.kind)).toEqual(['task.finished', 'job.finished']);
  });
});

/** Whether a new connection is accepted. */
function accepts({ url }: RunningServer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Asks over the connections of this agent until it is not answered; resolves with how often it was. */
async function askedUntilCut({ url }: RunningServer, agent: Agent): Promise<number> {
  for (let answers = 0; ; answers++) {
    const outgoing = request(`${url}/_health/live`, { agent }).end();
    const answered = await answerOf(outgoing).then(
      () => true,
      () => false,
    );
    if (!answered) return answers;
  }
}

interface Upload {
  /** Sends the second half. */
  send(): void;
  answer: Promise<{ status: number; body: string }>;
}

/** Resolves when the server has begun to read the submission (it answers `100 Continue`) and half of it is sent. */
async function begunUpload(to: RunningServer, form: FormData, agent: Agent): Promise<Upload> {
  const encoded = new Response(form);
  const bytes = Buffer.from(await encoded.arrayBuffer());
  const outgoing = request(`${to.url}/api/v1/jobs`, {
    method: 'POST',
    agent,
    headers: {
      authorization: `Bearer ${to.apiKey}`,
      'content-type': encoded.headers.get('content-type')!,
      'content-length': bytes.length,
      expect: '100-continue',
    },
  });
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  const half = bytes.length >> 1;
  await new Promise((resolve) => outgoing.write(bytes.subarray(0, half), resolve));
  return { send: () => outgoing.end(bytes.subarray(half)), answer: answerOf(outgoing) };
}

async function answerOf(outgoing: ClientRequest): Promise<{ status: number; body: string }> {
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const parts = (await incoming.toArray()) as Buffer[];
  return { status: incoming.statusCode!, body: Buffer.concat(parts).toString('utf8') };
}

/** Resolves when the answer has begun; nothing more of it is read until `rest` is called. */
async function begunDownload(from: RunningServer, id: string): Promise<{ rest(): Promise<Buffer> }> {
  const outgoing = request(`${from.url}/api/v1/jobs/${id}/result`, {
    agent: false,
    headers: { authorization: `Bearer ${from.apiKey}` },
  });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  expect(incoming.statusCode).toBe(200);
  return { rest: async () => Buffer.concat((await incoming.toArray()) as Buffer[]) };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
