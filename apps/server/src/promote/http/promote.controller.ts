import { Body, Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request } from 'express';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { nameAction } from '../../http/routed-request.js';
import { PromoteJob } from '../commands/promote-job.command.js';
import { FAAError } from '../faa/faa.errors.js';
import { PromoteError } from '../promote.errors.js';
import { GetPromotion } from '../queries/get-promotion.query.js';
import { PromoteJobDto, promotionResource, type PromotionResource } from './promote.dto.js';

@Controller('jobs/:id')
export class PromoteController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /** The line's action is the outcome's. */
  @Post('promote')
  @HttpCode(200)
  @RequireScope('promote:write')
  @Action('promote.success', { failed: 'promote.failed' })
  async promote(
    @Caller() caller: Caller,
    @Param('id') id: string,
    @Body() { targets }: PromoteJobDto,
    @Req() request: Request,
  ): Promise<PromotionResource> {
    annotate({ job_id: id.slice(0, 64) });
    try {
      const { promotion, again } = await this.commands.execute(new PromoteJob(requesterOf(caller), id, targets));
      if (again) nameAction(request, 'promote.idempotent_hit');
      return promotionResource(promotion);
    } catch (error) {
      if (error instanceof FAAError) {
        nameAction(request, 'promote.faa_put_failed');
        annotate({ error_name: error.name });
      } else if (error instanceof PromoteError && error.code === 'PROMOTE.NOT_READY')
        nameAction(request, 'promote.not_ready');
      throw error;
    }
  }

  @Get('promotion')
  @RequireScope('jobs:read')
  @Action('promote.get_one')
  async get(@Caller() { tenant }: Caller, @Param('id') id: string): Promise<PromotionResource> {
    annotate({ job_id: id.slice(0, 64) });
    return promotionResource(await this.queries.execute(new GetPromotion(tenant, id)));
  }
}
