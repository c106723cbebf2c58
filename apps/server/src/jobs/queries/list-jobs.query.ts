import { Query } from '@nestjs/cqrs';
import type { ExternalStatus, JobView } from '../jobs.types.js';

export interface JobListFilter {
  /** `in_progress` means queued or running. */
  status?: ExternalStatus | 'in_progress';
  platform?: JobView['platform'];
  user_id?: string;
  label?: string;
  created_after?: Date;
  created_before?: Date;
}

export interface JobPage {
  /** Newest first. */
  jobs: JobView[];
  /** Where the next page begins; absent on the last. */
  next_cursor?: string;
}

/** A page of the tenant's jobs. Rejects with JOBS.INPUT_INVALID for a cursor that this query did not give. */
export class ListJobs extends Query<JobPage> {
  constructor(
    readonly tenant: string,
    readonly filter: JobListFilter,
    readonly limit: number,
    readonly cursor?: string,
  ) {
    super();
  }
}
