import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { MarkKeyCompromised } from '../commands/mark-key-compromised.command.js';
import { RetireKey } from '../commands/retire-key.command.js';
import { RotateKey } from '../commands/rotate-key.command.js';
import { ListKeys, type KeyList } from '../queries/list-keys.query.js';
import { CompromisedKeyDto, RotateKeyDto } from './keys.dto.js';

/** The operator's acts on the keys. Each is an event of the system ledger before it is answered. */
@Controller('audit/keys')
@RequireScope('admin:*')
export class KeysController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @Action('keys.listed', { sensitive: true })
  async list(@Caller() caller: Caller): Promise<KeyList> {
    return this.queries.execute(new ListKeys(requesterOf(caller)));
  }

  /** Answers before every ledger has moved to the new key: the list says which wait. */
  @Post('rotate')
  @HttpCode(202)
  @Action('keys.rotated', { sensitive: true })
  async rotate(@Body() { purpose, tenant }: RotateKeyDto, @Caller() caller: Caller): Promise<{ id: string }> {
    return this.commands.execute(new RotateKey(purpose, tenant, requesterOf(caller)));
  }

  @Post(':id/retire')
  @HttpCode(202)
  @Action('keys.retired', { sensitive: true })
  async retire(@Param('id') id: string, @Caller() caller: Caller): Promise<{ id: string }> {
    await this.commands.execute(new RetireKey(id, requesterOf(caller)));
    return { id };
  }

  @Post(':id/compromised')
  @HttpCode(202)
  @Action('keys.compromised', { sensitive: true })
  async compromised(
    @Param('id') id: string,
    @Body() { since_size: sinceSize, tenant }: CompromisedKeyDto,
    @Caller() caller: Caller,
  ): Promise<{ id: string }> {
    await this.commands.execute(new MarkKeyCompromised(id, sinceSize, tenant, requesterOf(caller)));
    return { id };
  }
}
