import { Command } from '@nestjs/cqrs';
import type { Requester } from '../../audit/index.js';
import type { JobRequest, JobView } from '../jobs.types.js';
import type { Upload } from '../upload.types.js';

/**
 * Makes a job of an upload; its events are in the ledger and its task is made when this resolves, or follow by the
 * relay. When it rejects, the upload's objects are removed, unless the store did not say whether the job is there.
 *
 * Rejects with JOBS.MODEL_REFUSED (naming node and operator), JOBS.INPUT_INVALID, JOBS.USER_HAS_ACTIVE_JOB, and with
 * what pre-flight or sealing rejected with.
 */
export class SubmitJob extends Command<JobView> {
  constructor(
    readonly requester: Requester,
    readonly upload: Upload,
    readonly request: JobRequest,
  ) {
    super();
  }
}
