// Two signing turns in a process of its own; the second stops before the step that is named and says so: to be killed
// there.
// Steps are named by what is about to happen; `end` is after the last one.
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { AuditKeys } from '../../dist/apps/server/src/audit/keys/audit-keys.js';
import { HighWaterFiles } from '../../dist/apps/server/src/audit/checkpoints/high-water-files.js';
import { Checkpoints } from '../../dist/apps/server/src/audit/storage/checkpoints.store.js';
import { TileWriter } from '../../dist/apps/server/src/audit/tiles/tile-writer.js';
import { stopAt, stopped } from './stop-at.mjs';

const [FIRST, SECOND] = [200, 100];
const { dataDir, step } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir });
await room.record(FIRST);
await room.sign();
await room.record(SECOND, FIRST);

const [keys, marks] = [room.module.get(AuditKeys), room.module.get(HighWaterFiles)];
const files = { mark: 'put', forget: 'forget' };
const steps = {
  sign: [keys, 'noteSigner'],
  persist: [room.module.get(Checkpoints), 'add'],
  cover: [room.module.get(TileWriter), 'cover'],
  publish: [room.module.get(Checkpoints), 'publish'],
};
if (step in steps) stopAt(...steps[step]);
if (step in files) {
  const of = marks.of.bind(marks);
  marks.of = (tenant) => stopAt(of(tenant), files[step]);
}
await room.sign();
await stopped();
