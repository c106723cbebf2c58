import { Controller, Get, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { NoteAccess, type Access } from '../commands/note-access.command.js';
import { GetLatestCheckpoint, type LatestCheckpoint } from '../queries/get-latest-checkpoint.query.js';
import { ListEvents, type EventPage } from '../queries/list-events.query.js';
import { VerifyLedger, type LedgerVerdict } from '../queries/verify-ledger.query.js';
import { EventsDto, VerifyDto } from './audit.dto.js';

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
  async events(@Query() filter: EventsDto, @Caller() caller: Caller): Promise<EventPage> {
    const page = await this.queries.execute(new ListEvents(caller.tenant, filter));
    // Positions move with every page: what was asked is the filters without them.
    const { kind, job_id, since, until } = filter;
    const asked = JSON.stringify({ kind, job_id, since, until, following: filter.after_seq !== undefined });
    const filters = FILTERS.filter((name) => filter[name] !== undefined);
    await this.note(caller, { kind: 'audit.read', data: { query: 'events', filters }, same: asked });
    annotate({ result_count: page.events.length });
    return page;
  }

  @Get('verify')
  @RequireScope('audit:verify')
  @Action('audit.verified')
  async verify(@Query() { vkey }: VerifyDto, @Caller() caller: Caller): Promise<LedgerVerdict> {
    const verdict = await this.queries.execute(new VerifyLedger(caller.tenant, vkey === undefined ? [] : [vkey]));
    const { verdict: outcome, size, breaks_total: breaks, keys } = verdict;
    const data = { verdict: outcome, size, breaks, keys };
    await this.note(caller, { kind: 'audit.verified', data, same: outcome });
    annotate({ status: outcome, result_count: breaks });
    return verdict;
  }

  @Get('checkpoints/latest')
  @RequireScope('audit:read')
  @Action('audit.checkpoint_read')
  async latestCheckpoint(@Caller() caller: Caller): Promise<LatestCheckpoint> {
    const checkpoint = await this.queries.execute(new GetLatestCheckpoint(caller.tenant));
    await this.note(caller, { kind: 'audit.read', data: { query: 'checkpoint', filters: [] }, same: 'checkpoint' });
    return checkpoint;
  }

  private async note({ tenant, actor, key_id }: Caller, access: Access): Promise<void> {
    await this.commands.execute(new NoteAccess(tenant, actor, key_id, access));
  }
}
