import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ConversionError } from '../conversion.errors.js';
import { TaskQueue } from '../worker/task-queue.js';
import { CancelTask } from './cancel-task.command.js';

@CommandHandler(CancelTask)
export class CancelTaskHandler implements ICommandHandler<CancelTask> {
  constructor(private readonly queue: TaskQueue) {}

  async execute({ tenant, jobId }: CancelTask): Promise<void> {
    const task = await this.queue.cancel(tenant, jobId);
    if (!task) throw new ConversionError('CONVERSION.TASK_NOT_FOUND', 'expected a task of this job, found none');
    if (task.state === 'succeeded' || task.state === 'failed') {
      throw new ConversionError('CONVERSION.TASK_FINISHED', `expected a task that has not ended, found ${task.state}`);
    }
  }
}
