import { Query } from '@nestjs/cqrs';
import type { Body } from '../results.types.js';

export interface OpenReport {
  bytes: number;
  sha256: string;
  file_name: string;
  media_type: string;
  body: Body;
}

/**
 * The conversion's report of a completed job. Rejects with JOBS.NOT_FOUND, RESULTS.NOT_COMPLETED,
 * RESULTS.REPORT_NOT_FOUND and RESULTS.STORAGE_UNAVAILABLE.
 */
export class GetReport extends Query<OpenReport> {
  constructor(
    readonly tenant: string,
    readonly jobId: string,
  ) {
    super();
  }
}
