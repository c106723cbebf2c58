import { serialize } from 'bson';
import type { Doc } from './bson-read.js';
import { CommandError } from './command.error.js';
import { adminCommands } from './commands/admin.js';
import { catalogCommands } from './commands/catalog.js';
import { readCommands } from './commands/read.js';
import { writeCommands } from './commands/write.js';
import type { Command, Engine } from './engine.js';
import { Unreadable, type Request } from './wire.js';

const commands = new Map<string, Command>(
  Object.entries({ ...adminCommands, ...catalogCommands, ...readCommands, ...writeCommands }).map(([name, command]) => [
    name.toLowerCase(),
    command,
  ]),
);

/** Runs one command; what fails becomes MongoDB's error document. A fault of ours is code 1 and told by `report`. */
export async function answer(engine: Engine, request: Request, report: (error: unknown) => void): Promise<Buffer> {
  try {
    assertSupported(request);
    const command = commands.get(request.name.toLowerCase());
    if (!command) throw new CommandError(59, `no such command: '${request.name}'`);
    const reply = await command(engine, request);
    return Buffer.isBuffer(reply) ? reply : Buffer.from(serialize({ ...reply, ok: 1 }));
  } catch (error) {
    if (!(error instanceof CommandError)) report(error);
    const known = error instanceof CommandError ? error : new CommandError(1, 'internal error of the embedded engine');
    const { message: errmsg, code, codeName, extra } = known;
    return Buffer.from(serialize({ ok: 0, errmsg, code, codeName, ...extra }));
  }
}

function assertSupported({ body }: Request): void {
  for (const value of Object.values(body)) if (value instanceof Unreadable) throw value.error;
  if ('txnNumber' in body || 'startTransaction' in body || 'autocommit' in body) {
    throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos');
  }
  const collation = body['collation'] as Doc | undefined;
  if (collation && collation['locale'] !== 'simple') {
    throw new CommandError(2, `collation ${JSON.stringify(collation['locale'])} is not supported`);
  }
  const level = (body['readConcern'] as Doc | undefined)?.['level'];
  if (level !== undefined && !['local', 'available', 'majority'].includes(level as string)) {
    throw new CommandError(123, `read concern ${JSON.stringify(level)} needs a replica set`);
  }
  const w = (body['writeConcern'] as Doc | undefined)?.['w'];
  if (typeof w === 'number' ? w > 1 : w !== undefined && w !== 'majority') {
    throw new CommandError(2, `cannot use 'w' ${JSON.stringify(w)} when a host is not replicated`);
  }
}
