import { Command } from '@nestjs/cqrs';

/**
 * Resolves when the events of the job's state are in the ledger, for an act that depends on that state. Rejects with
 * what recording rejects with; no change for an id that is no job.
 */
export class SettleJob extends Command<void> {
  constructor(readonly id: string) {
    super();
  }
}
