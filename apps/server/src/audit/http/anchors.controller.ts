import { Controller, Get, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { ListAnchors, type AnchorStates } from '../queries/list-anchors.query.js';
import { noteRead } from './note-read.js';
import { TenantDto } from './paging.dto.js';

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
  async anchors(@Query() { tenant }: TenantDto, @Caller() caller: Caller): Promise<AnchorStates> {
    const whose = tenant ?? caller.tenant;
    const states = await this.queries.execute(new ListAnchors(whose, requesterOf(caller)));
    await noteRead(this.commands, { ...caller, tenant: whose }, 'anchors');
    return states;
  }
}
