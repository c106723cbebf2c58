import { Controller, Get } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import type { RetentionView } from '../retention/retention-report.types.js';
import { NoteAccess } from '../commands/note-access.command.js';
import { GetRetention } from '../queries/get-retention.query.js';

@Controller('audit/retention')
@RequireScope('audit:read')
export class RetentionController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @Action('audit.retention_read')
  async show(@Caller() { tenant, actor, key_id }: Caller): Promise<RetentionView> {
    const view = await this.queries.execute(new GetRetention(tenant));
    const access = { kind: 'audit.read' as const, data: { query: 'retention', filters: [] }, same: 'retention' };
    await this.commands.execute(new NoteAccess(tenant, actor, key_id, access));
    annotate({ result_count: view.overdue.length });
    return view;
  }
}
