import { CommandBus } from '@nestjs/cqrs';
import { startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { ColdStores } from '../../apps/server/src/audit/cold/cold-stores.js';
import { EraseSubject } from '../../apps/server/src/audit/commands/erase-subject.command.js';
import { PlaceHold } from '../../apps/server/src/audit/commands/place-hold.command.js';
import { ReleaseHold } from '../../apps/server/src/audit/commands/release-hold.command.js';
import { HoldTask } from '../../apps/server/src/audit/holds/hold-task.js';
import { Holds } from '../../apps/server/src/audit/holds/holds.js';
import { LedgerInRoom } from '../../apps/server/src/audit/ledger-in-room.fixture.js';
import { RetentionRun } from '../../apps/server/src/audit/retention/retention-run.js';
import { LegalHolds } from '../../apps/server/src/audit/storage/holds.store.js';
import { chosen, inDataFolder, killedAt } from './killed-at.fixture.js';

const DAY_MS = 86_400_000;
const OPERATOR = { tenant: TENANT, actor: { type: 'operator' as const, id: 'olga' } };
const [PLACED, RELEASED] = ['hold.placed', 'hold.released'];

/** What is there when the process is killed before this step: whether it blocks, objects on hold, what the ledger says. */
const STEPS = [
  { step: 'place', blocks: false, held: 0, said: [] },
  { step: 'hold lines', blocks: true, held: 0, said: [] },
  { step: 'hold manifest', blocks: true, held: 1, said: [] },
  { step: 'note hold', blocks: true, held: 2, said: [] },
  { step: 'hold more', blocks: true, held: 2, said: [] },
  { step: 'say placed', blocks: true, held: 4, said: [] },
  { step: 'note said placed', blocks: true, held: 4, said: [PLACED] },
  { step: 'release', blocks: true, held: 4, said: [PLACED] },
  { step: 'say released', blocks: true, held: 4, said: [PLACED] },
  { step: 'note said released', blocks: false, held: 4, said: [PLACED, RELEASED] },
  { step: 'lift lines', blocks: false, held: 4, said: [PLACED, RELEASED] },
  { step: 'lift manifest', blocks: false, held: 3, said: [PLACED, RELEASED] },
  { step: 'note lift', blocks: false, held: 2, said: [PLACED, RELEASED] },
  { step: 'lift more', blocks: false, held: 2, said: [PLACED, RELEASED] },
  { step: 'end', blocks: false, held: 0, said: [PLACED, RELEASED] },
];

describe('kill -9 of a process that places or releases a hold', () => {
  it.each(chosen(STEPS, 2))(
    'before $step: it blocks or it does not, and the cold store and the ledger follow',
    ({ step, ...left }) =>
      inDataFolder(async (dataDir) => {
        await killedAt('hold-steps.mjs', { dataDir, step });
        const room = await startRoom({ dataDir, env: { AUDIT_RETENTION_DAYS: `${TENANT}=365` } });
        try {
          expect(await found(room)).toEqual(left);
          // Whoever was not answered orders again.
          if (step === 'place') await ordered(room, new PlaceHold(TENANT, { case_id: 'case-7' }, OPERATOR));
          await room.module.get(HoldTask).turn();
          // What was ordered to be released is released by now.
          if (step === 'place' || (left.blocks && step !== 'say released')) await assertHeld(room);
          await assertReleased(room);
          expect(await room.verify()).toMatchObject({
            tier: 'consistent',
            breaks: [],
            retired: [{ from: 0, to: 511 }],
          });
        } finally {
          await room.close();
        }
      }),
  );
});

const ordered = <T>(room: AuditRoom, order: object): Promise<T> => room.module.get(CommandBus).execute(order as never);
const erased = (room: AuditRoom): Promise<{ state: string }> =>
  ordered(room, new EraseSubject(TENANT, 'ann', 'person_asked', undefined, OPERATOR));
const retired = (room: AuditRoom) => room.module.get(RetentionRun).runOnce(TENANT, new Date(Date.now() + 366 * DAY_MS));

async function found(room: AuditRoom): Promise<Omit<(typeof STEPS)[number], 'step'>> {
  const store = await room.module.get(ColdStores).primary();
  let held = 0;
  for await (const { key } of store.list('')) held += Number((await store.head(key)).legalHold);
  return {
    blocks: (await room.module.get(Holds).active(TENANT)).length > 0,
    held,
    said: (await room.stored()).map(({ kind }) => kind).filter((kind) => kind.startsWith('hold.')),
  };
}

/** All of it is said and done; then it is released. */
async function assertHeld(room: AuditRoom): Promise<void> {
  expect(await found(room)).toEqual({ blocks: true, held: 4, said: [PLACED] });
  const batches = await new LedgerInRoom(room, TENANT).batches();
  expect(batches.map(({ holds }) => holds)).toEqual([['case-7'], ['case-7']]);
  await expect(erased(room)).rejects.toMatchObject({ code: 'AUDIT.ERASURE_HELD' });
  expect(await retired(room)).toMatchObject({ retired: 0, stopped: { reason: 'hold' } });
  const [hold] = await room.module.get(Holds).active(TENANT);
  await ordered(room, new ReleaseHold(TENANT, hold!._id, OPERATOR));
}

/** It was said and done once, and keeps nothing any more. */
async function assertReleased(room: AuditRoom): Promise<void> {
  expect(await found(room)).toEqual({ blocks: false, held: 0, said: [PLACED, RELEASED] });
  expect(await room.module.get(LegalHolds).unrecorded()).toEqual([]);
  expect(await erased(room)).toMatchObject({ state: 'done' });
  expect(await retired(room)).toMatchObject({ retired: 2 });
}
