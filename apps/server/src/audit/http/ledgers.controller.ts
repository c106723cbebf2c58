import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { ReopenLedger, type Reopened } from '../commands/reopen-ledger.command.js';
import { GetLedger, type LedgerDetail } from '../queries/get-ledger.query.js';
import { ListLedgers, type LedgerSummary } from '../queries/list-ledgers.query.js';
import { ReopenDto } from './ledgers.dto.js';

/** The operator's view of the ledgers, and the one act that opens a suspended one anew. */
@Controller('audit/ledgers')
@RequireScope('admin:*')
export class LedgersController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @Action('ledgers.listed', { sensitive: true })
  async list(@Caller() caller: Caller): Promise<{ ledgers: LedgerSummary[] }> {
    const ledgers = await this.queries.execute(new ListLedgers(requesterOf(caller)));
    annotate({ result_count: ledgers.length });
    return { ledgers };
  }

  @Get(':tenant')
  @Action('ledgers.shown', { sensitive: true })
  async show(@Param('tenant') tenant: string, @Caller() caller: Caller): Promise<LedgerDetail> {
    return this.queries.execute(new GetLedger(tenant, requesterOf(caller)));
  }

  @Post(':tenant/reopen')
  @HttpCode(200)
  @Action('ledgers.reopened', { sensitive: true })
  async reopen(
    @Param('tenant') tenant: string,
    @Body() { good_size: size, good_root: root, reason }: ReopenDto,
    @Caller() caller: Caller,
  ): Promise<Reopened> {
    return this.commands.execute(new ReopenLedger(tenant, { size, root }, reason, requesterOf(caller)));
  }
}
