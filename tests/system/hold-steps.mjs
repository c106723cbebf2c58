// An archive in a process of its own: places a legal hold on both of its batches and releases it, and stops before the
// step that is named and says so: to be killed there. Steps are named by what is about to happen; `end` is after the last.
import { CommandBus } from '@nestjs/cqrs';
import { startRoom, TENANT } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { ColdStores } from '../../dist/apps/server/src/audit/cold/cold-stores.js';
import { PlaceHold } from '../../dist/apps/server/src/audit/commands/place-hold.command.js';
import { RecordEvents } from '../../dist/apps/server/src/audit/commands/record-events.command.js';
import { ReleaseHold } from '../../dist/apps/server/src/audit/commands/release-hold.command.js';
import { LedgerInRoom } from '../../dist/apps/server/src/audit/ledger-in-room.fixture.js';
import { ArchiveBatches } from '../../dist/apps/server/src/audit/storage/archive-batches.store.js';
import { LegalHolds } from '../../dist/apps/server/src/audit/storage/holds.store.js';
import { stopAt, stopped } from './stop-at.mjs';

const { dataDir, step } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir });
const of = (provider) => room.module.get(provider);
const ledger = new LedgerInRoom(room, TENANT);
await room.recordPerson('ann');
for (let batch = 0; batch < 2; batch++) {
  await ledger.recordAndSign(300);
  await ledger.run();
}

const store = await of(ColdStores).primary();
const recording = [of(CommandBus), 'execute', 1, (order) => order instanceof RecordEvents];
const placing = {
  place: [of(LegalHolds), 'add'],
  'hold lines': [store, 'hold'],
  'hold manifest': [store, 'hold', 2],
  'note hold': [of(ArchiveBatches), 'setHolds'],
  'hold more': [store, 'hold', 3],
  'say placed': recording,
  'note said placed': [of(LegalHolds), 'recorded'],
};
const releasing = {
  release: [of(LegalHolds), 'release'],
  'say released': recording,
  'note said released': [of(LegalHolds), 'recorded'],
  'lift lines': [store, 'hold'],
  'lift manifest': [store, 'hold', 2],
  'note lift': [of(ArchiveBatches), 'setHolds'],
  'lift more': [store, 'hold', 3],
};
const operator = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };
if (step in placing) stopAt(...placing[step]);
const { _id } = await of(CommandBus).execute(new PlaceHold(TENANT, { case_id: 'case-7' }, operator));
if (step in releasing) stopAt(...releasing[step]);
await of(CommandBus).execute(new ReleaseHold(TENANT, _id, operator));
await stopped();
