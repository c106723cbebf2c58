import { Command } from '@nestjs/cqrs';

/**
 * Ends a job as its conversion ended. `cause` is the event that says so; hearing it twice is no change. The job's
 * event is in the ledger soon after this resolves, not always before it.
 */
export class FinishJob extends Command<void> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly cause: string,
  ) {
    super();
  }
}
