import type { CommandBus } from '@nestjs/cqrs';
import type { Caller } from '../../http/access.js';
import { NoteAccess } from '../commands/note-access.command.js';

/** Records in the ledger of `tenant` that the caller read it: one event for each credential, question and hour. */
export async function noteRead(
  commands: CommandBus,
  { tenant, actor, key_id }: Pick<Caller, 'tenant' | 'actor' | 'key_id'>,
  query: string,
  filters: readonly string[] = [],
): Promise<void> {
  const access = { kind: 'audit.read' as const, data: { query, filters }, same: [query, ...filters].join() };
  await commands.execute(new NoteAccess(tenant, actor, key_id, access));
}
