// Ledger and archive in a process of its own: finishes what the one before left, appends, signs and archives, and stops
// before the step that is named and says so: to be killed there. Prints `<event id> <seq>` for each acknowledgement.
// Steps are named by what is about to happen; `end` is after the last one.
import { startRoom, TENANT } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { ArchiveObjects } from '../../dist/apps/server/src/audit/archive/archive-objects.js';
import { ArchiveRun } from '../../dist/apps/server/src/audit/archive/archive-run.js';
import { ArchiveSource } from '../../dist/apps/server/src/audit/archive/archive-source.js';
import { BatchLeaving } from '../../dist/apps/server/src/audit/archive/batch-leaving.js';
import { ArchiveBatches } from '../../dist/apps/server/src/audit/storage/archive-batches.store.js';
import { ArchiveDrafts } from '../../dist/apps/server/src/audit/storage/archive-drafts.store.js';
import { Checkpoints } from '../../dist/apps/server/src/audit/storage/checkpoints.store.js';
import { LedgerEntries } from '../../dist/apps/server/src/audit/storage/ledger-entries.store.js';
import { stopAt, stopped } from './stop-at.mjs';

const DAY_MS = 86_400_000;
/** More than leave hot storage at once. */
const COUNT = 1_300;
const { dataDir, step } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir });
const of = (provider) => room.module.get(provider);
const run = () => of(ArchiveRun).runOnce(TENANT, new Date(Date.now() + 91 * DAY_MS));

while ((await run()).eventCount > 0);
for (let done = 0; done < COUNT; done += 500) {
  const recorded = await room.record(Math.min(500, COUNT - done), done);
  process.stdout.write(recorded.map(({ id, seq }) => `${id} ${seq}\n`).join(''));
}
await room.sign();

const steps = {
  read: [of(ArchiveSource), 'lines'],
  keep: [of(Checkpoints), 'keepFor'],
  draft: [of(ArchiveDrafts), 'keep'],
  'put lines': [of(ArchiveObjects), 'put'],
  'put manifest': [of(ArchiveObjects), 'put', 2],
  check: [of(ArchiveObjects), 'check'],
  record: [of(ArchiveBatches), 'add'],
  'say recorded': [of(BatchLeaving), 'say'],
  deleting: [of(ArchiveBatches), 'setState'],
  remove: [of(LedgerEntries).collection, 'deleteMany'],
  'remove more': [of(LedgerEntries).collection, 'deleteMany', 2],
  'say deleted': [of(BatchLeaving), 'say', 2],
  done: [of(ArchiveBatches), 'setState', 2],
};
if (step in steps) stopAt(...steps[step]);
await run();
await stopped();
