import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Response } from 'express';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import type { ArchiveOutcome } from '../archive/archive-outcome.types.js';
import { RestoreArchive, type RestoredArchive } from '../commands/restore-archive.command.js';
import { RunArchive } from '../commands/run-archive.command.js';
import { VerifyArchive, type ArchiveVerdict } from '../commands/verify-archive.command.js';
import { GetArchive } from '../queries/get-archive.query.js';
import { ListArchives, type ArchivePage, type ArchiveView } from '../queries/list-archives.query.js';
import { ArchivesDto, RestoreArchiveDto, RunArchiveDto, VerifyArchiveDto } from './archives.dto.js';
import { goneCaller } from './gone-caller.js';
import { noteRead } from './note-read.js';
import { TenantDto } from './paging.dto.js';

const PRESET_LIMIT = 100;
/** That a restored batch stays. */
const PRESET_DAYS = 7;

/** What of a ledger is in the cold store, and the operator's orders to move the next of it there and to restore it. */
@Controller('audit')
export class ArchivesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get('archives')
  @RequireScope('audit:read')
  @Action('audit.archives_read')
  async list(
    @Query() { limit = PRESET_LIMIT, before_seq: before, tenant }: ArchivesDto,
    @Caller() caller: Caller,
  ): Promise<ArchivePage> {
    const whose = tenant ?? caller.tenant;
    const page = await this.queries.execute(new ListArchives(whose, { before, limit }, requesterOf(caller)));
    await noteRead(this.commands, { ...caller, tenant: whose }, 'archives');
    annotate({ result_count: page.archives.length });
    return page;
  }

  @Get('archives/:id')
  @RequireScope('audit:read')
  @Action('audit.archive_read')
  async get(@Param('id') id: string, @Query() { tenant }: TenantDto, @Caller() caller: Caller): Promise<ArchiveView> {
    const whose = tenant ?? caller.tenant;
    const archive = await this.queries.execute(new GetArchive(whose, id, requesterOf(caller)));
    await noteRead(this.commands, { ...caller, tenant: whose }, 'archives');
    return archive;
  }

  @Post('archives/:id/verify')
  @HttpCode(200)
  @RequireScope('audit:verify')
  @Action('audit.archive_verified')
  async verify(
    @Param('id') id: string,
    @Query() { copy = false, tenant }: VerifyArchiveDto,
    @Caller() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ArchiveVerdict> {
    const requester = { ...requesterOf(caller), credential: caller.key_id };
    const verdict = await this.commands.execute(
      new VerifyArchive(tenant ?? caller.tenant, id, copy, requester, goneCaller(response)),
    );
    annotate({ status: verdict.tier, count: verdict.breaks_total });
    return verdict;
  }

  @Post('archive/run')
  @HttpCode(200)
  @RequireScope('admin:*')
  @Action('audit.archive_run', { sensitive: true })
  async run(@Body() { override = false, tenant }: RunArchiveDto, @Caller() caller: Caller): Promise<ArchiveOutcome> {
    const outcome = await this.commands.execute(new RunArchive(tenant ?? caller.tenant, override, requesterOf(caller)));
    annotate({ result_count: outcome.eventCount });
    return outcome;
  }

  @Post('archives/:id/restore')
  @HttpCode(200)
  @RequireScope('admin:*')
  @Action('audit.archive_restored', { sensitive: true })
  async restore(
    @Param('id') id: string,
    @Body() { days = PRESET_DAYS, tenant }: RestoreArchiveDto,
    @Caller() caller: Caller,
  ): Promise<RestoredArchive> {
    const restored = await this.commands.execute(
      new RestoreArchive(tenant ?? caller.tenant, id, days, requesterOf(caller)),
    );
    annotate({ result_count: restored.eventCount });
    return restored;
  }
}
