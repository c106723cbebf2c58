import { Query } from '@nestjs/cqrs';
import type { RetentionView } from '../retention/retention-report.types.js';

/** For how long the tenant's events are kept, and what should have left by now and has not, with why. */
export class GetRetention extends Query<RetentionView> {
  constructor(readonly tenant: string) {
    super();
  }
}
