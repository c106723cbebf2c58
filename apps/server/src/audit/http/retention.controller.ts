import { Controller, Get, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import type { RetentionView } from '../retention/retention-report.types.js';
import { GetRetention } from '../queries/get-retention.query.js';
import { noteRead } from './note-read.js';
import { TenantDto } from './paging.dto.js';

@Controller('audit/retention')
@RequireScope('audit:read')
export class RetentionController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @Action('audit.retention_read')
  async show(@Query() { tenant }: TenantDto, @Caller() caller: Caller): Promise<RetentionView> {
    const whose = tenant ?? caller.tenant;
    const view = await this.queries.execute(new GetRetention(whose, requesterOf(caller)));
    await noteRead(this.commands, { ...caller, tenant: whose }, 'retention');
    annotate({ result_count: view.overdue.length });
    return view;
  }
}
