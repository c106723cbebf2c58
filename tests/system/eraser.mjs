// Erases one person after the other, as fast as it goes, in the role `ledger` on the embedded engine of a data folder.
// Prints `begun <n>` before each order and `done <n> <erasure>` after it; runs until it is killed.
import { CommandBus } from '@nestjs/cqrs';
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { EraseSubject } from '../../dist/apps/server/src/audit/commands/erase-subject.command.js';

const { dataDir, from } = JSON.parse(process.argv[2]);
const room = await startRoom({ dataDir, roles: 'api,ledger' });
const operator = { tenant: 'acme', actor: { type: 'operator', id: 'olga' } };

for (let n = from; ; n++) {
  const subject = `person ${n}`;
  await room.recordPerson(subject);
  process.stdout.write(`begun ${n}\n`);
  const order = new EraseSubject('acme', subject, 'test', `case-${n}`, operator);
  const { _id } = await room.module.get(CommandBus).execute(order);
  process.stdout.write(`done ${n} ${_id}\n`);
}
