import { Command } from '@nestjs/cqrs';

/**
 * Makes the task of a submitted job, in the state queued. Called twice with one id it is no change.
 */
export class CreateTask extends Command<void> {
  constructor(
    readonly id: string,
    readonly tenant: string,
    readonly jobId: string,
    /** Of the event `task.created`. */
    readonly eventId: string,
  ) {
    super();
  }
}
