import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { RetentionView } from '../retention/retention-report.types.js';

/**
 * For how long the tenant's events are kept, and what should have left by now and has not, with why. Fails, of another
 * tenant than the requester's, with AUDIT.OPERATOR_REQUIRED or AUDIT.LEDGER_NOT_FOUND.
 */
export class GetRetention extends Query<RetentionView> {
  constructor(
    readonly tenant: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
