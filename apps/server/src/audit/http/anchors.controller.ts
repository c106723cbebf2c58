import { Controller, Get } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { NoteAccess } from '../commands/note-access.command.js';
import { ListAnchors, type AnchorStates } from '../queries/list-anchors.query.js';

/** Who else has the ledger's checkpoints, and how far each of them is. */
@Controller('audit/anchors')
export class AnchorsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @RequireScope('audit:read')
  @Action('audit.anchors_read')
  async anchors(@Caller() { tenant, actor, key_id }: Caller): Promise<AnchorStates> {
    const states = await this.queries.execute(new ListAnchors(tenant));
    const access = { kind: 'audit.read' as const, data: { query: 'anchors', filters: [] }, same: 'anchors' };
    await this.commands.execute(new NoteAccess(tenant, actor, key_id, access));
    return states;
  }
}
