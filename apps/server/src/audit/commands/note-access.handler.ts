import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { hourlyId } from '../domain/coalesced.js';
import { NoteAccess } from './note-access.command.js';
import { RecordFact } from './record-fact.command.js';

const REMEMBERED = 10_000;
/** A closed ledger must stay readable: that is when it is read most. */
const CLOSED = ['AUDIT.SUSPENDED', 'AUDIT.OUTCOME_UNKNOWN', 'LEDGER.ROLLED_BACK'];

@CommandHandler(NoteAccess)
export class NoteAccessHandler implements ICommandHandler<NoteAccess> {
  private readonly noted = new Set<string>();

  constructor(
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {}

  async execute({ tenant, actor, credential, access }: NoteAccess): Promise<void> {
    const id = hourlyId(Date.now(), tenant, credential, access.kind, access.same);
    if (this.noted.has(id)) return;
    try {
      const { kind, data, refs } = access;
      const draft = { id, kind, scope: { tenant }, actor, data, ...(refs && { refs }) };
      await this.commands.execute(new RecordFact(draft, { once: true }));
      if (this.noted.size >= REMEMBERED) this.noted.clear();
      this.noted.add(id);
    } catch (error) {
      const code = hasCode<string>(error) ? error.code : undefined;
      if (code === undefined || !CLOSED.includes(code)) throw error;
      this.log.warn('audit.access_unrecorded', { tenant_id: tenant, error_code: code, event_kind: access.kind });
    }
  }
}
