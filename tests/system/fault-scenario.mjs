// What the fault matrix runs: the audit room in a process of its own, on the server at a URI. Appends over the border of
// a tile, signs, appends and signs again, archives what is whole, and prints a line for each acknowledgement. What fails
// is tried again, as a caller of the product and its tasks do.
import { ArchiveRun } from '../../dist/apps/server/src/audit/archive/archive-run.js';
import { startRoom, TENANT } from '../../dist/apps/server/src/audit/audit-room.fixture.js';

const ATTEMPTS = 20;
const DAY_MS = 86_400_000;
const { dataDir, uri } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, uri });

async function append(count, from) {
  const recorded = await tried(() => room.record(count, from));
  process.stdout.write(recorded.map(({ id, seq }) => `${id} ${seq}\n`).join(''));
}

async function sign() {
  const signed = await tried(() => room.sign());
  if (signed.state === 'contradicted') throw new Error(signed.reason);
}

async function archive() {
  const later = new Date(Date.now() + 91 * DAY_MS);
  while ((await tried(() => room.module.get(ArchiveRun).runOnce(TENANT, later))).eventCount > 0);
}

async function tried(act) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

await append(250, 0);
await sign();
await append(20, 250);
await sign();
await archive();
await room.close();
