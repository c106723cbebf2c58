import { Controller, Get } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import type { RetentionView } from '../retention/retention-report.types.js';
import { GetRetention } from '../queries/get-retention.query.js';
import { noteRead } from './note-read.js';

@Controller('audit/retention')
@RequireScope('audit:read')
export class RetentionController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @Action('audit.retention_read')
  async show(@Caller() caller: Caller): Promise<RetentionView> {
    const view = await this.queries.execute(new GetRetention(caller.tenant));
    await noteRead(this.commands, caller, 'retention');
    annotate({ result_count: view.overdue.length });
    return view;
  }
}
