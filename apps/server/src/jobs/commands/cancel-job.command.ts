import { Command } from '@nestjs/cqrs';
import type { Requester } from '../../audit/index.js';
import type { JobView } from '../jobs.types.js';

/**
 * Asks for the end of a job: a queued one ends at once, a running one within a second. Asking twice is no change.
 * Rejects with JOBS.NOT_FOUND, and with JOBS.NOT_CANCELABLE when the job has ended otherwise.
 */
export class CancelJob extends Command<JobView> {
  constructor(
    readonly requester: Requester,
    readonly id: string,
  ) {
    super();
  }
}
