import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEvent } from '#libs/ledger';
import { ColdStores } from '../../apps/server/src/audit/cold/cold-stores.js';
import { startRoom, TENANT } from '../../apps/server/src/audit/audit-room.fixture.js';
import { ErasureTask } from '../../apps/server/src/audit/erasure/erasure-task.js';
import { receiptKey } from '../../apps/server/src/audit/erasure/receipt.js';
import { Erasures } from '../../apps/server/src/audit/storage/erasures.store.js';
import { SubjectKeys } from '../../apps/server/src/audit/storage/subject-keys.store.js';
import { startProgram } from './program.fixture.js';

/** 1 in the gate, 30 for a release. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 1);
const MINUTE = 60_000;

describe('kill -9 of a process that erases persons', () => {
  it(
    'leaves each either whole or gone, once in the ledger and with a receipt, and everything verifies',
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'assay-audit-'));
      try {
        const told: string[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const eraser = startProgram('eraser.mjs', { dataDir, from: round * 1_000 });
          try {
            await eraser.told(2, 'begun');
            // Between two steps of an erasure: the moment itself is what is varied.
            await sleep(Math.random() * 400);
          } finally {
            await eraser.kill();
          }
          told.push(...eraser.lines);
        }
        await assertSound(dataDir, told);
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
    (ROUNDS + 1) * MINUTE,
  );
});

async function assertSound(dataDir: string, told: readonly string[]): Promise<void> {
  const room = await startRoom({ dataDir });
  try {
    const { module } = room;
    const [erasures, subjects, cold] = [module.get(Erasures), module.get(SubjectKeys), module.get(ColdStores)];
    await module.get(ErasureTask).turn();
    expect(await erasures.unfinished()).toEqual([]);
    const all = await erasures.page(TENANT, { limit: 10_000 });
    const done = told.flatMap((line) => /^done \d+ (.+)$/.exec(line)?.[1] ?? []);
    expect(all.map(({ _id }) => _id)).toEqual(expect.arrayContaining(done));
    expect(all.length).toBeGreaterThanOrEqual(ROUNDS);
    expect(
      await subjects.existing(
        TENANT,
        all.map(({ pseudonym }) => pseudonym),
      ),
    ).toEqual(new Map());
    const erased = (await room.stored())
      .map(({ bytes }) => parseEvent(bytes))
      .filter(({ kind }) => kind === 'subject.erased')
      .map(({ data }) => data!['erasure']);
    expect(erased.sort()).toEqual(all.map(({ _id }) => _id).sort());
    for (const erasure of all) await (await cold.primary()).head(receiptKey(erasure));
    // Whom nobody began to erase keeps the name.
    const orders = told.flatMap((line) => /^begun (\d+)$/.exec(line)?.[1] ?? []);
    const named = await Promise.all(orders.map((n) => subjects.find(TENANT, `person ${n}`)));
    expect(named.filter(Boolean).length).toBe(orders.length - all.length);
    await room.sign();
    expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [] });
  } finally {
    await room.close();
  }
}
