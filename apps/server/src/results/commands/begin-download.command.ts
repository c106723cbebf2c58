import { Command } from '@nestjs/cqrs';
import type { Requester } from '../../audit/index.js';
import type { OpenDownload } from '../results.types.js';

/**
 * Opens the result of a job for one download; `result.started` is in the ledger when this resolves, and the caller
 * owes an EndDownload (what gets none is ended as `unknown` by the sweep) and reads the body or destroys it.
 *
 * Rejects with JOBS.NOT_FOUND, RESULTS.NOT_COMPLETED, RESULTS.EXPIRED, RESULTS.STORAGE_UNAVAILABLE, and with what the
 * ledger rejects with: no byte leaves unrecorded.
 */
export class BeginDownload extends Command<OpenDownload> {
  constructor(
    readonly requester: Requester,
    readonly jobId: string,
  ) {
    super();
  }
}
