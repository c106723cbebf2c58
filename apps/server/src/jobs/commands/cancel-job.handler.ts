import { CommandBus, CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import { Outboxes } from '#libs/mongo';
import { CancelTask } from '../../conversion/index.js';
import { annotate } from '../../http/request-context.js';
import { isActive } from '../domain/job.js';
import { JobsError } from '../jobs.errors.js';
import type { JobView } from '../jobs.types.js';
import { GetJob } from '../queries/get-job.query.js';
import { JOBS } from '../storage/job.store.js';
import { CancelJob } from './cancel-job.command.js';

@CommandHandler(CancelJob)
export class CancelJobHandler implements ICommandHandler<CancelJob> {
  constructor(
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  async execute({ requester: { tenant }, id }: CancelJob): Promise<JobView> {
    const job = await this.queries.execute(new GetJob(tenant, id));
    annotate({ user_id: job.user_id });
    if (job.status === 'CANCELED') return job;
    if (!isActive(job.status)) {
      throw new JobsError('JOBS.NOT_CANCELABLE', `expected a queued or running job, found one ${job.external_status}`);
    }
    // The task is made by a reaction to the job's event, so there is one to cancel only after this.
    await this.outboxes.drain(JOBS, id);
    await this.commands.execute(new CancelTask(tenant, id));
    return this.queries.execute(new GetJob(tenant, id));
  }
}
