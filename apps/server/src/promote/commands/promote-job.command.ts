import { Command } from '@nestjs/cqrs';
import type { Requester } from '../../audit/index.js';
import type { Promotion, TargetName } from '../promote.types.js';

/** A promotion after a call: `again` when there was nothing left to put. */
export interface Promoted {
  promotion: Promotion;
  again: boolean;
}

/**
 * Puts files of a completed job into the archive; none named means all there are. A target that is there is not put
 * again, so the call may be repeated after any failure. Every target's outcome is recorded before this settles.
 *
 * Rejects with JOBS.NOT_FOUND, PROMOTE.NOT_READY, PROMOTE.NOT_CONFIGURED, PROMOTE.STORAGE_UNAVAILABLE, and with the
 * first FAAError when a target could not be put; the other targets were tried.
 */
export class PromoteJob extends Command<Promoted> {
  constructor(
    readonly requester: Requester,
    readonly jobId: string,
    readonly targets: readonly TargetName[] | undefined,
  ) {
    super();
  }
}
