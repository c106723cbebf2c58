import { type IQueryHandler, QueryHandler } from '@nestjs/cqrs';
import type { TaskProgress } from '../conversion.types.js';
import { TaskStore } from '../storage/task.store.js';
import { GetTaskProgress } from './get-task-progress.query.js';

@QueryHandler(GetTaskProgress)
export class GetTaskProgressHandler implements IQueryHandler<GetTaskProgress> {
  constructor(private readonly tasks: TaskStore) {}

  execute({ tenant, jobIds }: GetTaskProgress): Promise<TaskProgress[]> {
    return this.tasks.progressOf(tenant, jobIds);
  }
}
