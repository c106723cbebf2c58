import { CommandBus, CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import { derivedId } from '#libs/kernel';
import { Outboxes } from '#libs/mongo';
import { SealEvents } from '../../audit/index.js';
import { GetTaskOutcome } from '../../conversion/index.js';
import { endingEvent, endingOf } from '../domain/ending.js';
import { finished } from '../domain/job.js';
import { JOBS, JobStore } from '../storage/job.store.js';
import { FinishJob } from './finish-job.command.js';

@CommandHandler(FinishJob)
export class FinishJobHandler implements ICommandHandler<FinishJob> {
  constructor(
    private readonly jobs: JobStore,
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  async execute({ tenant, id, cause }: FinishJob): Promise<void> {
    const job = await this.jobs.find(tenant, id);
    if (!job) return;
    const outcome = await this.queries.execute(new GetTaskOutcome(tenant, id));
    const change = finished(job.status, endingOf(job, outcome), new Date());
    if (!change) return;
    const draft = endingEvent(derivedId(cause, 'finish-job-when-conversion-finished'), job, change);
    const events = await this.commands.execute(new SealEvents([draft]));
    await this.jobs.finish(tenant, id, change, events);
    // Not awaited: this runs inside the drain of a task, and a job's drain may be waiting for that very drain.
    void this.outboxes.drain(JOBS, id).catch(() => undefined); // told by the outboxes; the relay goes on
  }
}
