import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { EraseSubject } from '../commands/erase-subject.command.js';
import { ReplayErasures, type ErasuresReplayed } from '../commands/replay-erasures.command.js';
import type { Erasure } from '../erasure/erasure.types.js';
import { GetErasure } from '../queries/get-erasure.query.js';
import { ListErasures } from '../queries/list-erasures.query.js';
import { EraseSubjectDto } from './erasures.dto.js';
import { pageOf, type Page } from './page.js';
import { TenantDto, TenantPageDto } from './paging.dto.js';

const PRESET_LIMIT = 20;

/** The operator erases persons. Whom, is in no answer. */
@Controller('audit/erasures')
@RequireScope('admin:*')
export class ErasuresController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @HttpCode(200)
  @Action('audit.subject_erased', { sensitive: true })
  async erase(
    @Body() { subject, reason_code, case_id, tenant }: EraseSubjectDto,
    @Caller() caller: Caller,
  ): Promise<object> {
    const order = new EraseSubject(tenant ?? caller.tenant, subject, reason_code, case_id, requesterOf(caller));
    const erasure = await this.commands.execute(order);
    annotate({ run_id: erasure._id });
    return resourceOf(erasure);
  }

  @Get()
  @Action('audit.erasures_listed', { sensitive: true })
  async list(
    @Query() { tenant, cursor, limit = PRESET_LIMIT }: TenantPageDto,
    @Caller() caller: Caller,
  ): Promise<Page> {
    const page = await this.queries.execute(
      new ListErasures(tenant ?? caller.tenant, { before: cursor, limit }, requesterOf(caller)),
    );
    annotate({ result_count: page.length });
    return pageOf(page, limit, { idOf: ({ _id }) => _id, shown: resourceOf });
  }

  /** After a backup was restored; also done at each start. */
  @Post('replay')
  @HttpCode(200)
  @Action('audit.erasures_replayed', { sensitive: true })
  async replay(@Caller() caller: Caller): Promise<ErasuresReplayed> {
    return this.commands.execute(new ReplayErasures(requesterOf(caller)));
  }

  @Get(':id')
  @Action('audit.erasure_read', { sensitive: true })
  async get(@Param('id') id: string, @Query() { tenant }: TenantDto, @Caller() caller: Caller): Promise<object> {
    const erasure = await this.queries.execute(new GetErasure(tenant ?? caller.tenant, id, requesterOf(caller)));
    return { ...resourceOf(erasure), receipt: JSON.parse(erasure.receipt) as object };
  }
}

const resourceOf = ({ _id, tenant, pseudonym, reason, case_id, state, ...times }: Erasure): object => ({
  id: _id,
  tenant,
  pseudonym,
  reason_code: reason,
  case_id: case_id ?? null,
  state,
  replays: times.replays,
  requested_at: times.requested_at.toISOString(),
  done_at: times.done_at?.toISOString() ?? null,
});
