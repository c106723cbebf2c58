import { type IQueryHandler, QueryHandler } from '@nestjs/cqrs';
import { ConversionError } from '../conversion.errors.js';
import type { TaskOutcome } from '../conversion.types.js';
import { TaskStore } from '../storage/task.store.js';
import { GetTaskOutcome } from './get-task-outcome.query.js';

@QueryHandler(GetTaskOutcome)
export class GetTaskOutcomeHandler implements IQueryHandler<GetTaskOutcome> {
  constructor(private readonly tasks: TaskStore) {}

  async execute({ tenant, jobId }: GetTaskOutcome): Promise<TaskOutcome> {
    const task = await this.tasks.ofJob(tenant, jobId);
    if (!task) throw new ConversionError('CONVERSION.TASK_NOT_FOUND', 'expected a task of this job, found none');
    if (!task.outcome) {
      throw new ConversionError('CONVERSION.TASK_NOT_FINISHED', `expected an ended task, found ${task.state}`);
    }
    return { job_id: jobId, ...task.outcome };
  }
}
