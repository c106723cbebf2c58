// An archive in a process of its own: restores its batch and then lets the time of the copies end, and stops before the
// step that is named and says so: to be killed there. Steps are named by what is about to happen; `end` is after the last.
import { CommandBus } from '@nestjs/cqrs';
import { startRoom, TENANT } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { RecordFact } from '../../dist/apps/server/src/audit/commands/record-fact.command.js';
import { RestoreArchive } from '../../dist/apps/server/src/audit/commands/restore-archive.command.js';
import { LedgerInRoom } from '../../dist/apps/server/src/audit/ledger-in-room.fixture.js';
import { Restorations } from '../../dist/apps/server/src/audit/storage/restorations.store.js';
import { RestoredEntries } from '../../dist/apps/server/src/audit/storage/restored-entries.store.js';
import { RestorationExpiry } from '../../dist/apps/server/src/audit/tiers/restoration-expiry.js';
import { stopAt, stopped } from './stop-at.mjs';

const DAY_MS = 86_400_000;
const { dataDir, step } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir });
const of = (provider) => room.module.get(provider);
const ledger = new LedgerInRoom(room, TENANT);
await ledger.recordAndSign(1_100);
const { batchId } = await ledger.run();

const steps = {
  begin: [of(Restorations), 'begin'],
  copy: [of(RestoredEntries), 'add'],
  'copy more': [of(RestoredEntries), 'add', 2],
  count: [of(RestoredEntries), 'count'],
  say: [of(CommandBus), 'execute', 1, (order) => order instanceof RecordFact],
  complete: [of(Restorations), 'complete'],
  expire: [of(Restorations), 'end'],
  sweep: [of(RestoredEntries).collection, 'deleteMany'],
};
if (step in steps) stopAt(...steps[step]);
const operator = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };
await of(CommandBus).execute(new RestoreArchive(TENANT, batchId, 7, operator));
await of(RestorationExpiry).round(new Date(Date.now() + 8 * DAY_MS));
await stopped();
