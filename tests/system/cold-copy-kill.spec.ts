import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startServer } from '#libs/testing';
import { ColdCopyTask } from '../../apps/server/src/audit/cold/cold-copy-task.js';
import { ColdStores } from '../../apps/server/src/audit/cold/cold-stores.js';
import { LedgerInRoom } from '../../apps/server/src/audit/ledger-in-room.fixture.js';
import { externalUri, startRoom } from '../../apps/server/src/audit/audit-room.fixture.js';

/** Servers killed while they copy: 1 in the gate, more for a release. */
const ROUNDS = Math.min(Number(process.env['KILL_ROUNDS'] ?? 1), 10);
const TENANTS = Array.from({ length: 4 * (ROUNDS + 1) }, (_, n) => `tenant-${n}`);

describe('kill -9 of a server that keeps a second cold store in step', () => {
  it(
    'leaves no half object there, and the next one goes on until every batch is copied',
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'assay-test-'));
      const copyDir = await mkdtemp(join(tmpdir(), 'assay-copy-'));
      try {
        await archived(dataDir);
        for (let round = 1; round <= ROUNDS; round++) await killedWhileCopying(dataDir, copyDir, 6 * round);
        await assertInStep(dataDir, copyDir);
      } finally {
        await rm(dataDir, { recursive: true, force: true });
        await rm(copyDir, { recursive: true, force: true });
      }
    },
    (ROUNDS + 1) * 60_000,
  );
});

const copyTo = (folder: string) => ({ AUDIT_COLD_COPY_URL: pathToFileURL(folder).href });

/** One batch of each tenant, and no copy of it. */
async function archived(dataDir: string): Promise<void> {
  const room = await startRoom({ dataDir });
  for (const tenant of TENANTS) {
    const ledger = new LedgerInRoom(room, tenant);
    await ledger.recordAndSign(258);
    expect((await ledger.run()).eventCount).toBe(256);
  }
  await room.close();
}

/** The server copies by itself; it dies when the second store has so many objects. */
async function killedWhileCopying(dataDir: string, copyDir: string, objects: number): Promise<void> {
  const uri = externalUri(dataDir);
  const env = {
    ...(uri !== undefined && { MONGODB_URI: uri }),
    ASSAY_ORIGIN: 'assay.test',
    ASSAY_ROLES: 'ledger',
    ...copyTo(copyDir),
  };
  const server = await startServer({ dataDir, env });
  while ((await objectsIn(copyDir)) < objects) await sleep(1);
  await server.kill();
}

async function objectsIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('@object')).length;
}

async function assertInStep(dataDir: string, copyDir: string): Promise<void> {
  const room = await startRoom({ dataDir, env: copyTo(copyDir) });
  try {
    expect(await room.module.get(ColdCopyTask).turn()).toBe(0);
    const copy = (await room.module.get(ColdStores).copy())!;
    const keys: string[] = [];
    for await (const { key } of copy.list('')) keys.push(key);
    const expected: string[] = [];
    for (const tenant of TENANTS) {
      for (const batch of await new LedgerInRoom(room, tenant).batches()) {
        expect(batch.copy?.copiedAt).toBeInstanceOf(Date);
        expected.push(batch.jsonlKey, batch.manifestKey);
        const { bytes } = await room.module.get(ColdStores).readFrom('copy', batch, 'jsonl');
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(batch.storedSha256);
      }
    }
    expect(keys).toEqual(expected.sort());
    expect(await readdir(join(copyDir, 'temporary'))).toEqual([]);
  } finally {
    await room.close();
  }
}
