// One writer of a ledger: the room on the embedded engine of a data folder, or on the server at a URI. Records events
// with several callers at once and prints a line for each acknowledgement, until it has recorded `total` or is killed.
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';

const { dataDir, uri, total, callers, roles } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, uri, roles });
let given = 0;

async function caller() {
  while (given < total) {
    const count = Math.min(1 + (given % 3), total - given);
    given += count;
    const recorded = await room.record(count, given);
    process.stdout.write(recorded.map(({ id, seq }) => `${id} ${seq}\n`).join(''));
  }
}

await Promise.all(Array.from({ length: callers }, caller));
await room.close();
