import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { PlaceHold } from '../commands/place-hold.command.js';
import { ReleaseHold } from '../commands/release-hold.command.js';
import type { LegalHold } from '../domain/legal-hold.types.js';
import { ListHolds, type HoldView } from '../queries/list-holds.query.js';
import { PlaceHoldDto } from './holds.dto.js';
import { pageOf, type Page } from './page.js';
import { TenantDto, TenantPageDto } from './paging.dto.js';

const PRESET_LIMIT = 20;

/** The operator keeps what a case needs, whatever retention and erasure would take. */
@Controller('audit/holds')
@RequireScope('admin:*')
export class HoldsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @HttpCode(201)
  @Action('audit.hold_placed', { sensitive: true })
  async place(@Body() { tenant, ...request }: PlaceHoldDto, @Caller() caller: Caller): Promise<object> {
    const hold = await this.commands.execute(new PlaceHold(tenant ?? caller.tenant, request, requesterOf(caller)));
    annotate({ run_id: hold._id });
    return { ...resourceOf(hold), erasures: hold.erasures.map(({ _id: id, state }) => ({ id, state })) };
  }

  @Get()
  @Action('audit.holds_listed', { sensitive: true })
  async list(
    @Query() { tenant, cursor, limit = PRESET_LIMIT }: TenantPageDto,
    @Caller() caller: Caller,
  ): Promise<Page> {
    const page = await this.queries.execute(
      new ListHolds(tenant ?? caller.tenant, { before: cursor, limit }, requesterOf(caller)),
    );
    annotate({ result_count: page.length });
    return pageOf(page, limit, { idOf: ({ _id }) => _id, shown: listedOf });
  }

  @Post(':id/release')
  @HttpCode(200)
  @Action('audit.hold_released', { sensitive: true })
  async release(@Param('id') id: string, @Query() { tenant }: TenantDto, @Caller() caller: Caller): Promise<object> {
    return resourceOf(await this.commands.execute(new ReleaseHold(tenant ?? caller.tenant, id, requesterOf(caller))));
  }
}

const resourceOf = ({ _id, tenant, case_id, subjects, since, until, placed_at, released_at }: LegalHold): object => ({
  id: _id,
  tenant,
  case_id,
  subjects: subjects ?? null,
  since: since ?? null,
  until: until ?? null,
  placed_at: placed_at.toISOString(),
  released_at: released_at?.toISOString() ?? null,
});

const listedOf = (hold: HoldView): object => ({ ...resourceOf(hold), batches: hold.batches });
