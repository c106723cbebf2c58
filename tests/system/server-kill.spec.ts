import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '#libs/onnx';
import { endedServer, startServer, type RunningServer } from '#libs/testing';
import {
  descendants,
  endedJob,
  get,
  isRunning,
  ledgerOf,
  submission,
  submitted,
  until,
  type LedgerEntry,
} from './server.fixture.js';

/** 3 in the gate, 30 for a release. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 2);
/** The same seed kills after the same times; what has happened by then is the machine's. */
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const MINUTE = 60_000;
const LATEST_MS = 2_500;
const LATEST_START_MS = 1_000;
const CLIENTS = 3;

let root: string;

const options = (): { dataDir: string; env: Record<string, string> } => ({
  dataDir: join(root, 'data'),
  // A killed worker's task is another's after a second.
  env: { TMPDIR: join(root, 'tmp'), ASSAY_TASK_LEASE_MS: '1000', ASSAY_TASK_HEARTBEAT_MS: '300' },
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'assay-test-'));
  await mkdir(join(root, 'tmp'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('kill -9 while jobs are submitted, converted and fetched', () => {
  it(
    `loses no acknowledged job and ends each once (${ROUNDS} rounds, KILL_SEED=${SEED})`,
    async () => {
      const random = seededRandom(SEED);
      const acknowledged = new Set<string>();
      let server = await startServer(options());
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const before = acknowledged.size;
          const clients = Array.from({ length: CLIENTS }, (_, client) =>
            workUntilCut(server, `user-${round}-${client}`, acknowledged),
          );
          await Promise.race([until(() => acknowledged.size > before), Promise.all(clients)]);
          // The moment itself is what is varied: no condition would reach between two of them.
          await sleep(random() * LATEST_MS);
          const children = descendants(server.pid);
          await server.kill();
          await Promise.all(clients);
          await until(() => !children.some(isRunning));
          if (round % 2 === 0) await killedWhileStarting(server.pid, random() * LATEST_START_MS);
          server = await startServer(options());
        }
        await jobsAreSound(server, acknowledged);
        await ledgerIsSound(server, acknowledged);
        await nothingIsLeftOver(server);
        expect(await server.stop()).toBe(0);
      } finally {
        await server.remove();
      }
    },
    (ROUNDS + 2) * MINUTE,
  );
});

/** One caller's day: a job after the other, each watched and fetched. Resolves when the connection is cut. */
async function workUntilCut(server: RunningServer, user: string, acknowledged: Set<string>): Promise<void> {
  try {
    for (let turn = 0; ; turn++) {
      const job = await submitted(server, await submission(`${user}-${turn}`));
      acknowledged.add(job.id);
      const { status } = await endedJob(server, job.id);
      if (status === 'completed') await (await get(server, `/jobs/${job.id}/result`)).arrayBuffer();
    }
  } catch (error) {
    if ((error as Error).name !== 'TypeError') throw error; // fetch's own: the connection was cut
  }
}

/** Another start, killed so long after it took the data folder over from the process that was killed before. */
async function killedWhileStarting(former: number, afterMs: number): Promise<void> {
  const ending = endedServer(options());
  await until(async () => ![0, former].includes((await holder()).pid));
  const { pid } = await holder();
  await sleep(afterMs);
  process.kill(pid, 'SIGKILL');
  expect(await ending).toMatchObject({
    code: null,
    stderr: expect.stringMatching(/^(assay: listening on [^\n]+\n)?$/),
  });
}

/** Who has the data folder; 0 while nobody has. */
async function holder(): Promise<{ pid: number; socketFolder: string }> {
  const text = await readFile(join(root, 'data', 'mongo.lock'), 'utf8').catch(() => '');
  return text === '' ? { pid: 0, socketFolder: '' } : (JSON.parse(text) as { pid: number; socketFolder: string });
}

async function jobsAreSound(server: RunningServer, acknowledged: ReadonlySet<string>): Promise<void> {
  expect(acknowledged.size).toBeGreaterThanOrEqual(ROUNDS);
  for (const id of acknowledged) {
    const job = await endedJob(server, id);
    expect(['completed', 'failed']).toContain(job.status);
    if (job.status === 'failed') {
      expect(job.error?.code).toMatch(/^[a-z_.]+$/i);
      continue;
    }
    const bytes = Buffer.from(await (await get(server, `/jobs/${id}/result`)).arrayBuffer());
    expect({ id, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }).toEqual({
      id,
      sha256: job.result!.sha256,
      bytes: job.result!.bytes,
    });
  }
}

/** Also of jobs whose acknowledgement was cut off: whatever was accepted is told once, from its beginning to its end. */
async function ledgerIsSound(server: RunningServer, acknowledged: ReadonlySet<string>): Promise<void> {
  const entries = await ledgerOf(server);
  expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index));
  expect(new Set(entries.map(({ event }) => event.id)).size).toBe(entries.length);
  const created = jobsWith(entries, /^job\.created$/);
  expect(created.filter((id, index) => created.indexOf(id) !== index)).toEqual([]);
  expect([...acknowledged].filter((id) => !created.includes(id))).toEqual([]);
  await Promise.all(created.map((id) => endedJob(server, id)));
  await until(async () => jobsWith(await ledgerOf(server), JOB_END).length >= created.length);
  const whole = await ledgerOf(server);
  expect(jobsWith(whole, /^task\.finished$/).sort()).toEqual([...created].sort());
  expect(jobsWith(whole, JOB_END).sort()).toEqual([...created].sort());
  expect(await (await get(server, '/audit/verify')).json()).toMatchObject({ tier: 'consistent', breaks: [] });
}

const JOB_END = /^job\.(finished|failed|canceled)$/;

/** The jobs that events of a kind are of, one for each event. */
function jobsWith(entries: readonly LedgerEntry[], kind: RegExp): string[] {
  return entries.filter(({ event }) => kind.test(event.kind)).map(({ event }) => event.refs!.job_id!);
}

/** Of all the processes that were killed here, no folder of a socket or a conversion remains. */
async function nothingIsLeftOver(server: RunningServer): Promise<void> {
  const scratch = await readdir(join(server.dataDir, 'scratch'));
  expect(scratch.filter((name) => !name.startsWith(`${server.pid}-`))).toEqual([]);
  const { socketFolder } = await holder();
  const sockets = (await readdir(join(root, 'tmp'))).map((name) => join(root, 'tmp', name));
  expect(sockets).toEqual(socketFolder === '' ? [] : [socketFolder]);
}
