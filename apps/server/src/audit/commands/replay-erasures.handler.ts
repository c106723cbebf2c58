import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ErasureTask } from '../erasure/erasure-task.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { assertOperator } from '../operator.js';
import { ReplayErasures, type ErasuresReplayed } from './replay-erasures.command.js';

@CommandHandler(ReplayErasures)
export class ReplayErasuresHandler implements ICommandHandler<ReplayErasures> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly task: ErasureTask,
  ) {}

  async execute({ requester }: ReplayErasures): Promise<ErasuresReplayed> {
    assertOperator(requester);
    this.keys.assertSigns();
    const { receipts, invalid, again, failures } = await this.task.replayNow();
    // If the process dies here, the next start records what was destroyed.
    await this.task.turn();
    const [failure] = failures.values();
    if (failure !== undefined) throw failure;
    return { receipts, invalid, again: again.map(({ _id }) => _id) };
  }
}
