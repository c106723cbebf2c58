import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { reportText } from '#libs/ledger';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { CancelVerification } from '../commands/cancel-verification.command.js';
import { StartVerification } from '../commands/start-verification.command.js';
import { GetVerification } from '../queries/get-verification.query.js';
import { ListVerifications } from '../queries/list-verifications.query.js';
import { pageOf, type Page } from './page.js';
import { PageDto } from './paging.dto.js';
import { streamVerification } from './verification-events.js';
import { verificationResource, wantsText } from './verification.resource.js';
import { ReportDto, StartVerificationDto } from './verifications.dto.js';

const PRESET_LIMIT = 20;

/** Verifications that run beside the requests, survive the process that runs them, and keep their reports. */
@Controller('audit/verifications')
@RequireScope('audit:verify')
export class VerificationsController implements OnModuleDestroy {
  private readonly leaving = new AbortController();

  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /** Whoever follows one comes back to another process. */
  onModuleDestroy(): void {
    this.leaving.abort();
  }

  @Post()
  @HttpCode(202)
  @Action('audit.verification_started')
  async start(
    @Body() { from, to, vkeys = [], require_anchor = false }: StartVerificationDto,
    @Caller() { tenant, actor, key_id }: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const range = from === undefined && to === undefined ? {} : { range: { from, to } };
    const verification = await this.commands.execute(
      new StartVerification(tenant, { ...range, vkeys, require_anchor }, { actor, credential: key_id }),
    );
    annotate({ run_id: verification.id });
    response.setHeader('Location', `/api/v1/audit/verifications/${verification.id}`);
    response.setHeader('Retry-After', 1);
    return verificationResource(verification);
  }

  @Get()
  @Action('audit.verifications_listed')
  async list(@Query() { cursor, limit = PRESET_LIMIT }: PageDto, @Caller() { tenant }: Caller): Promise<Page> {
    const page = await this.queries.execute(new ListVerifications(tenant, { before: cursor, limit }));
    annotate({ result_count: page.length });
    return pageOf(page, limit, { idOf: ({ id }) => id, shown: verificationResource });
  }

  @Get(':id')
  @Action('audit.verification_read')
  async get(
    @Param('id') id: string,
    @Query() { format }: ReportDto,
    @Caller() { tenant }: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const verification = await this.queries.execute(new GetVerification(tenant, id));
    annotate({ run_id: verification.id, status: verification.state });
    if (!wantsText(request, format)) return void response.json(verificationResource(verification));
    const { report, state, progress } = verification;
    const line = `${state}: ${progress.done} of ${progress.total ?? 'an unknown number of'} entries\n`;
    response.type('text/plain').send(report ? reportText(report) : line);
  }

  @Get(':id/events')
  @Action('audit.verification_followed')
  async events(
    @Param('id') id: string,
    @Caller() { tenant }: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const look = () => this.queries.execute(new GetVerification(tenant, id));
    await streamVerification(look, { request, response, signal: this.leaving.signal });
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @Action('audit.verification_canceled')
  async cancel(@Param('id') id: string, @Caller() { tenant }: Caller): Promise<object> {
    annotate({ run_id: id.slice(0, 64) });
    return verificationResource(await this.commands.execute(new CancelVerification(tenant, id)));
  }
}
