import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { reportText } from '#libs/ledger';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { NoteAccess, type Access } from '../commands/note-access.command.js';
import { pseudonymsIn } from '../domain/pseudonyms.js';
import { GetLatestCheckpoint, type LatestCheckpoint } from '../queries/get-latest-checkpoint.query.js';
import { GetSubjects } from '../queries/get-subjects.query.js';
import { ListEvents, type EventPage } from '../queries/list-events.query.js';
import { VerifyLedger } from '../queries/verify-ledger.query.js';
import type { LedgerVerdict } from '../verification/verification.types.js';
import { EventsDto, VerifyDto } from './audit.dto.js';
import { goneCaller } from './gone-caller.js';
import { noteRead } from './note-read.js';
import { wantsText } from './verification.resource.js';

/** With the persons behind the page's pseudonyms, for those who asked and may know. */
type EventsAnswer = EventPage & { persons?: Record<string, string> };

const FILTERS = ['kind', 'job_id', 'since', 'until', 'after_seq'] as const;

/** Reading and verifying a tenant's own ledger. Every access is an event itself, recorded before the answer leaves. */
@Controller('audit')
export class AuditController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get('events')
  @RequireScope('audit:read')
  @Action('audit.listed')
  async events(@Query() { persons, ...filter }: EventsDto, @Caller() caller: Caller): Promise<EventsAnswer> {
    const page = await this.queries.execute(new ListEvents(caller.tenant, filter));
    // Positions move with every page: what was asked is the filters without them.
    const { kind, job_id, since, until } = filter;
    const asked = JSON.stringify({ kind, job_id, since, until, following: filter.after_seq !== undefined, persons });
    const filters = [
      ...FILTERS.filter((name) => filter[name] !== undefined),
      ...(persons === 'true' ? ['persons'] : []),
    ];
    await this.note(caller, { kind: 'audit.read', data: { query: 'events', filters }, same: asked });
    annotate({ result_count: page.events.length });
    if (persons !== 'true' || !mayKnowPersons(caller)) return page;
    const pseudonyms = pseudonymsIn(page.events.map(({ event }) => event));
    return { ...page, persons: await this.queries.execute(new GetSubjects(caller.tenant, pseudonyms)) };
  }

  @Get('verify')
  @RequireScope('audit:verify')
  @Action('audit.verified')
  async verify(
    @Query() { vkey, format }: VerifyDto,
    @Caller() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LedgerVerdict | string> {
    const vkeys = vkey === undefined ? [] : [vkey];
    const verdict = await this.queries.execute(new VerifyLedger(caller.tenant, vkeys, goneCaller(response)));
    const { tier: outcome, size, breaks_total: breaks, keys } = verdict;
    const data = { verdict: outcome, size, breaks, keys };
    await this.note(caller, { kind: 'audit.verified', data, same: outcome });
    annotate({ status: outcome, result_count: breaks });
    if (!wantsText(request, format)) return verdict;
    response.type('text/plain');
    return reportText(verdict);
  }

  @Get('checkpoints/latest')
  @RequireScope('audit:read')
  @Action('audit.checkpoint_read')
  async latestCheckpoint(@Caller() caller: Caller): Promise<LatestCheckpoint> {
    const checkpoint = await this.queries.execute(new GetLatestCheckpoint(caller.tenant));
    await noteRead(this.commands, caller, 'checkpoint');
    return checkpoint;
  }

  private async note({ tenant, actor, key_id }: Caller, access: Access): Promise<void> {
    await this.commands.execute(new NoteAccess(tenant, actor, key_id, access));
  }
}

const mayKnowPersons = ({ scopes, tenant }: Caller): boolean => scopes.includes(`admin:*#tenant/${tenant}`);
