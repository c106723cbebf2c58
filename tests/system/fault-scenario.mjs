// What the fault matrix runs: the audit room in a process of its own, on the server at a URI. Appends over the border of
// a tile, signs, appends and signs again, and prints a line for each acknowledgement. A signing turn that fails is tried
// again, as the product's task does.
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';

const TURNS = 20;
const { dataDir, uri } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, uri });

async function append(count, from) {
  const recorded = await room.record(count, from);
  process.stdout.write(recorded.map(({ id, seq }) => `${id} ${seq}\n`).join(''));
}

async function sign() {
  for (let turn = 1; ; turn++) {
    const signed = await room.sign().catch((error) => {
      if (turn === TURNS) throw error;
    });
    if (signed?.state === 'contradicted') throw new Error(signed.reason);
    if (signed) return;
  }
}

await append(250, 0);
await sign();
await append(20, 250);
await sign();
await room.close();
