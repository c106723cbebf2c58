import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Checkpoints } from '../../apps/server/src/audit/storage/checkpoints.store.js';
import { startRoom, TENANT } from '../../apps/server/src/audit/audit-room.fixture.js';

/** What is there when the process is killed before this step; the second turn of the ledger, so that there is a first. */
const STEPS = [
  { step: 'mark', marks: ['1-0000000000000200'], signed: 200, published: 200 },
  { step: 'sign', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 200, published: 200 },
  { step: 'persist', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 200, published: 200 },
  { step: 'cover', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 300, published: 200 },
  { step: 'publish', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 300, published: 200 },
  { step: 'forget', marks: ['1-0000000000000200', '1-0000000000000300'], signed: 300, published: 300 },
  { step: 'end', marks: ['1-0000000000000300'], signed: 300, published: 300 },
];

/** Other ones on each run, all of them for a release. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 1);
const FROM = Math.floor(Math.random() * STEPS.length);
const CHOSEN = [...STEPS.slice(FROM), ...STEPS.slice(0, FROM)].slice(0, ROUNDS);

describe('kill -9 of a process that signs', () => {
  it.each(CHOSEN)('before $step: the next one signs one history and publishes it', async ({ step, ...left }) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'assay-signing-'));
    try {
      await killedAt(step, dataDir);
      const room = await startRoom({ dataDir });
      try {
        const checkpoints = room.module.get(Checkpoints);
        expect({
          marks: (await readdir(join(dataDir, 'keys', 'high-water', TENANT))).sort(),
          signed: await checkpoints.newestSize(TENANT),
          published: await checkpoints.publishedSize(TENANT),
        }).toEqual(left);
        const unsigned = await room.sign();
        expect(unsigned).toEqual({ state: left.published === 300 ? 'nothing_new' : 'signed', size: 300 });
        await room.record(1, 300);
        expect(await room.sign()).toEqual({ state: 'signed', size: 301 });
        expect(await checkpoints.publishedSize(TENANT)).toBe(301);
        expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [], size: 301, unsealed: null });
      } finally {
        await room.close();
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

async function killedAt(step: string, dataDir: string): Promise<void> {
  const program = resolve(__dirname, 'signing-steps.mjs');
  const child = spawn(process.execPath, [program, JSON.stringify({ dataDir, step, first: 200, second: 100 })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [said] = (await Promise.race([once(child.stdout, 'data'), ended])) as [unknown];
  child.kill('SIGKILL');
  await ended;
  expect({ said: String(said), signal: child.signalCode }).toEqual({ said: 'reached\n', signal: 'SIGKILL' });
}
