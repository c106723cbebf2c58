import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { JobStore } from '../storage/job.store.js';
import { AdvanceJob } from './advance-job.command.js';

@CommandHandler(AdvanceJob)
export class AdvanceJobHandler implements ICommandHandler<AdvanceJob> {
  constructor(private readonly jobs: JobStore) {}

  async execute({ tenant, id, stage }: AdvanceJob): Promise<void> {
    await this.jobs.advance(tenant, id, stage, new Date());
  }
}
