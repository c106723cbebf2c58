// One writer of ledgers: the room on the embedded engine of a data folder, or on the server at a URI. Records events
// with several callers at once, each of which goes from tenant to tenant, and prints a line for each acknowledgement,
// until it has recorded `total`, is told to stop (SIGTERM) or is killed.
import { CommandBus } from '@nestjs/cqrs';
import { sampleDraft, startRoom, TENANT } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { RecordEvents, SealEvents } from '../../dist/apps/server/src/audit/index.js';

const { dataDir, uri, total, callers, roles, tenants = [TENANT] } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, uri, roles });
const commands = room.module.get(CommandBus);
let stopping = false;
let given = 0;
process.once('SIGTERM', () => (stopping = true));

async function caller(_, number) {
  for (let turn = number; given < total && !stopping; turn++) {
    const tenant = tenants[turn % tenants.length];
    const count = Math.min(1 + (given % 3), total - given);
    given += count;
    const drafts = Array.from({ length: count }, (_, at) => sampleDraft(turn + at, { scope: { tenant } }));
    const sealed = await commands.execute(new SealEvents(drafts));
    const recorded = await commands.execute(new RecordEvents(tenant, sealed));
    process.stdout.write(recorded.map(({ id, seq }) => `${tenant} ${id} ${seq}\n`).join(''));
  }
}

await Promise.all(Array.from({ length: callers }, caller));
await room.close();
