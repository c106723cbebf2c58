// An archive in a process of its own: retires both of its batches, and stops before the step that is named and says so:
// to be killed there. Steps are named by what is about to happen; `end` is after the last one.
import { CommandBus } from '@nestjs/cqrs';
import { startRoom, TENANT } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { ColdStores } from '../../dist/apps/server/src/audit/cold/cold-stores.js';
import { RecordEvents } from '../../dist/apps/server/src/audit/commands/record-events.command.js';
import { LedgerInRoom } from '../../dist/apps/server/src/audit/ledger-in-room.fixture.js';
import { RetentionRun } from '../../dist/apps/server/src/audit/retention/retention-run.js';
import { ArchiveBatches } from '../../dist/apps/server/src/audit/storage/archive-batches.store.js';
import { Retirements } from '../../dist/apps/server/src/audit/storage/retirements.store.js';
import { stopAt, stopped } from './stop-at.mjs';

const DAY_MS = 86_400_000;
const { dataDir, step } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, env: { AUDIT_RETENTION_DAYS: `${TENANT}=365` } });
const of = (provider) => room.module.get(provider);
const ledger = new LedgerInRoom(room, TENANT);
for (let batch = 0; batch < 2; batch++) {
  await ledger.recordAndSign(300);
  await ledger.run();
}
await room.sign();

const store = await of(ColdStores).primary();
const steps = {
  begin: [of(Retirements), 'add'],
  'put tombstone': [store, 'put'],
  retire: [of(ArchiveBatches), 'setState'],
  'note going': [of(ArchiveBatches), 'setGoing'],
  'remove lines': [store, 'delete'],
  'remove manifest': [store, 'delete', 2],
  say: [of(CommandBus), 'execute', 1, (order) => order instanceof RecordEvents],
  'note said': [of(Retirements), 'done'],
  'begin the next': [of(Retirements), 'add', 2],
};
if (step in steps) stopAt(...steps[step]);
await of(RetentionRun).runOnce(TENANT, new Date(Date.now() + 366 * DAY_MS));
await stopped();
