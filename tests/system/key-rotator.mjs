// Rotates the note key of a deployment again and again, as fast as the ledgers follow, while it records and signs: in
// the role `ledger` on the embedded engine of a data folder. Prints a line for each key it made; runs until it is killed.
import { CommandBus } from '@nestjs/cqrs';
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { RotateKey } from '../../dist/apps/server/src/audit/commands/rotate-key.command.js';

const { dataDir } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, roles: 'api,ledger' });
const operator = { tenant: 'acme', actor: { type: 'operator', id: 'olga' } };

for (;;) {
  await room.record(1);
  try {
    const { id } = await room.module.get(CommandBus).execute(new RotateKey('note', undefined, operator));
    process.stdout.write(`${id}\n`);
  } catch (error) {
    if (error.code !== 'AUDIT.ROTATION_PENDING') throw error;
  }
}
