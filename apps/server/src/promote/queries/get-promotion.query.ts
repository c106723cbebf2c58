import { Query } from '@nestjs/cqrs';
import type { Promotion } from '../promote.types.js';

/** What was promoted of a job. Rejects with JOBS.NOT_FOUND, and PROMOTE.NOT_FOUND when nobody asked yet. */
export class GetPromotion extends Query<Promotion> {
  constructor(
    readonly tenant: string,
    readonly jobId: string,
  ) {
    super();
  }
}
