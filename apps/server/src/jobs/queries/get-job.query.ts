import { Query } from '@nestjs/cqrs';
import type { JobView } from '../jobs.types.js';

/** The job as it stands, majority read. Rejects with JOBS.NOT_FOUND, also for another tenant's id. */
export class GetJob extends Query<JobView> {
  constructor(
    readonly tenant: string,
    readonly id: string,
  ) {
    super();
  }
}
