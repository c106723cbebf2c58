import { Command } from '@nestjs/cqrs';

/**
 * Ends the task of a job: a queued one at once, a running one within a second (then the task's end says `canceled`).
 * Asking twice is no change. Rejects with CONVERSION.TASK_NOT_FOUND, and CONVERSION.TASK_FINISHED when it succeeded or
 * failed before.
 */
export class CancelTask extends Command<void> {
  constructor(
    readonly tenant: string,
    readonly jobId: string,
  ) {
    super();
  }
}
