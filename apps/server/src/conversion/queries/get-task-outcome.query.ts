import { Query } from '@nestjs/cqrs';
import type { TaskOutcome } from '../conversion.types.js';

/** How a task ended. Rejects with CONVERSION.TASK_NOT_FOUND and CONVERSION.TASK_NOT_FINISHED. */
export class GetTaskOutcome extends Query<TaskOutcome> {
  constructor(
    readonly tenant: string,
    readonly jobId: string,
  ) {
    super();
  }
}
