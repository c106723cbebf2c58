import { Query } from '@nestjs/cqrs';
import type { TaskProgress } from '../conversion.types.js';

/** How far the tasks of these jobs are, in no order; a job without a task yet is left out. Seconds old at most. */
export class GetTaskProgress extends Query<TaskProgress[]> {
  constructor(
    readonly tenant: string,
    readonly jobIds: readonly string[],
  ) {
    super();
  }
}
