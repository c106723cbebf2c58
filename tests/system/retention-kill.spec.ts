import { parseEvent } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { ColdStores } from '../../apps/server/src/audit/cold/cold-stores.js';
import { LedgerInRoom } from '../../apps/server/src/audit/ledger-in-room.fixture.js';
import { RetentionRun } from '../../apps/server/src/audit/retention/retention-run.js';
import { Tombstones } from '../../apps/server/src/audit/retention/tombstones.js';
import { Retirements } from '../../apps/server/src/audit/storage/retirements.store.js';
import { chosen, inDataFolder, killedAt } from './killed-at.fixture.js';

const DAY_MS = 86_400_000;

/** What is there of two batches when the process is killed before this step. */
const STEPS = [
  { step: 'begin', retired: 0, objects: 4, tombstones: 0, said: 0 },
  { step: 'put tombstone', retired: 0, objects: 4, tombstones: 0, said: 0 },
  { step: 'retire', retired: 0, objects: 4, tombstones: 1, said: 0 },
  { step: 'note going', retired: 1, objects: 4, tombstones: 1, said: 0 },
  { step: 'remove lines', retired: 1, objects: 4, tombstones: 1, said: 0 },
  { step: 'remove manifest', retired: 1, objects: 3, tombstones: 1, said: 0 },
  { step: 'say', retired: 1, objects: 2, tombstones: 1, said: 0 },
  { step: 'note said', retired: 1, objects: 2, tombstones: 1, said: 1 },
  { step: 'begin the next', retired: 1, objects: 2, tombstones: 1, said: 1 },
  { step: 'end', retired: 2, objects: 0, tombstones: 2, said: 2 },
];

describe('kill -9 of a process that retires batches', () => {
  it.each(chosen(STEPS, 2))(
    'before $step: what is left verifies, and the next one finishes it once',
    ({ step, ...left }) =>
      inDataFolder(async (dataDir) => {
        await killedAt('retention-steps.mjs', { dataDir, step });
        const room = await startRoom({ dataDir, env: { AUDIT_RETENTION_DAYS: `${TENANT}=365` } });
        try {
          expect(await found(room)).toEqual(left);
          await assertVerified(room, left.retired);
          const { stopped } = await room.module.get(RetentionRun).runOnce(TENANT, new Date(Date.now() + 366 * DAY_MS));
          expect(stopped).toBeUndefined();
          expect(await found(room)).toEqual({ retired: 2, objects: 0, tombstones: 2, said: 2 });
          expect(await room.module.get(Retirements).begun(TENANT)).toEqual([]);
          await assertVerified(room, 2);
        } finally {
          await room.close();
        }
      }),
  );
});

/** Of 256 entries each. */
async function assertVerified(room: AuditRoom, retired: number): Promise<void> {
  const { tier, breaks, retired: ranges } = await room.verify();
  const expected = retired === 0 ? [] : [{ from: 0, to: 256 * retired - 1 }];
  expect({ tier, breaks, ranges }).toEqual({ tier: 'consistent', breaks: [], ranges: expected });
}

async function found(room: AuditRoom): Promise<Omit<(typeof STEPS)[number], 'step'>> {
  const batches = await new LedgerInRoom(room, TENANT).batches();
  const keys: string[] = [];
  for await (const { key } of (await room.module.get(ColdStores).primary()).list('')) keys.push(key);
  const tombstones = await Promise.all(batches.map((batch) => room.module.get(Tombstones).of(batch)));
  const said = (await room.stored())
    .filter(({ kind }) => kind === 'archive.retired')
    .map(({ bytes }) => parseEvent(bytes).refs?.batch_id);
  expect(new Set(said).size).toBe(said.length);
  return {
    retired: batches.filter(({ state }) => state === 'retired').length,
    objects: keys.filter((key) => batches.some((batch) => [batch.jsonlKey, batch.manifestKey].includes(key))).length,
    tombstones: tombstones.filter(Boolean).length,
    said: said.length,
  };
}
