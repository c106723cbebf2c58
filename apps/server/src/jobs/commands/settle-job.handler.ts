import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Outboxes } from '#libs/mongo';
import { JOBS } from '../storage/job.store.js';
import { SettleJob } from './settle-job.command.js';

@CommandHandler(SettleJob)
export class SettleJobHandler implements ICommandHandler<SettleJob> {
  constructor(private readonly outboxes: Outboxes) {}

  async execute({ id }: SettleJob): Promise<void> {
    await this.outboxes.drain(JOBS, id);
  }
}
