import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { RestoreArchive } from '../../apps/server/src/audit/commands/restore-archive.command.js';
import { LedgerInRoom } from '../../apps/server/src/audit/ledger-in-room.fixture.js';
import { ListEvents } from '../../apps/server/src/audit/queries/list-events.query.js';
import { Restorations } from '../../apps/server/src/audit/storage/restorations.store.js';
import { RestoredEntries } from '../../apps/server/src/audit/storage/restored-entries.store.js';
import { ArchivedEntries } from '../../apps/server/src/audit/tiers/archived-entries.js';
import { RestorationExpiry } from '../../apps/server/src/audit/tiers/restoration-expiry.js';
import { chosen, inDataFolder, killedAt } from './killed-at.fixture.js';

const DAY_MS = 86_400_000;
const OPERATOR = { tenant: TENANT, actor: { type: 'operator' as const, id: 'olga' } };
const COUNT = 1_024;

/** What is there when the process is killed before this step: as long as copies are used, all of them are. */
const STEPS = [
  { step: 'begin', copies: 0, said: 0, used: false },
  { step: 'copy', copies: 0, said: 0, used: false },
  { step: 'copy more', copies: COUNT / 2, said: 0, used: false },
  { step: 'count', copies: COUNT, said: 0, used: false },
  { step: 'say', copies: COUNT, said: 0, used: false },
  { step: 'complete', copies: COUNT, said: 1, used: false },
  { step: 'expire', copies: COUNT, said: 1, used: true },
  { step: 'sweep', copies: COUNT, said: 1, used: false },
  { step: 'end', copies: 0, said: 1, used: false },
];

describe('kill -9 of a process that restores a batch, or ends that', () => {
  it.each(chosen(STEPS, 2))('before $step: copies are used when all are there, or not at all', ({ step, ...left }) =>
    inDataFolder(async (dataDir) => {
      await killedAt('restore-steps.mjs', { dataDir, step });
      const room = await startRoom({ dataDir });
      try {
        expect(await found(room)).toEqual(left);
        await restored(room);
        expect((await found(room)).used).toBe(true);
        await expire(room);
        expect(await found(room)).toMatchObject({ copies: 0, used: false });
        expect(await room.module.get(Restorations).collection.countDocuments()).toBe(0);
        expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [] });
      } finally {
        await room.close();
      }
    }),
  );
});

async function found(room: AuditRoom): Promise<Omit<(typeof STEPS)[number], 'step'>> {
  return {
    copies: await room.module.get(RestoredEntries).collection.countDocuments(),
    said: await room.entries.countDocuments({ kind: 'archive.restored' }),
    used: await isUsed(room),
  };
}

/** Whether the filters that only a database answers find its events: then every one of them. */
async function isUsed(room: AuditRoom): Promise<boolean> {
  const [batch] = await new LedgerInRoom(room, TENANT).batches();
  const { minTs, maxTs } = batch!;
  const asked = { job_id: 'job-1', kind: 'sample.done', since: minTs, until: maxTs, limit: 1_000 };
  const page = await room.module
    .get(QueryBus)
    .execute(new ListEvents(TENANT, asked))
    .catch((error: unknown) => expect(error).toMatchObject({ code: 'AUDIT.RANGE_REQUIRED' }));
  if (!page) return false;
  const expected: number[] = [];
  for await (const entries of room.module.get(ArchivedEntries).documents(batch!, COUNT)) {
    expected.push(...entries.filter(({ seq, ts }) => seq % 3 === 1 && ts < maxTs).map(({ seq }) => seq));
  }
  expect(page.events.map(({ seq, tier }) => ({ seq, tier }))).toEqual(
    expected.reverse().map((seq) => ({ seq, tier: 'restored' })),
  );
  return true;
}

async function restored(room: AuditRoom): Promise<void> {
  const [batch] = await new LedgerInRoom(room, TENANT).batches();
  const order = new RestoreArchive(TENANT, batch!._id, 7, OPERATOR);
  expect(await room.module.get(CommandBus).execute(order)).toMatchObject({ eventCount: COUNT });
}

async function expire(room: AuditRoom): Promise<void> {
  await room.module.get(RestorationExpiry).round(new Date(Date.now() + 8 * DAY_MS));
}
