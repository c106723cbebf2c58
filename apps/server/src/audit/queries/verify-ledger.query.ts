import { Query } from '@nestjs/cqrs';
import type { VerificationReport } from '#libs/ledger';

export interface LedgerVerdict extends VerificationReport {
  /** What the run was fixed to: the newest signed checkpoint when it started. */
  size: number;
  /** Chain hash of the newest entry when it started, hex; null for an empty ledger. */
  head: string | null;
  duration_ms: number;
}

/**
 * Verifies a whole ledger as it was when asked. `vkeys` are verifier keys from outside; without them the service's own
 * are taken and the report says `unpinned`. Fails with AUDIT.LEDGER_NOT_FOUND, AUDIT.VERIFIER_KEY_INVALID or
 * AUDIT.VERIFICATION_BUSY.
 */
export class VerifyLedger extends Query<LedgerVerdict> {
  constructor(
    readonly tenant: string,
    readonly vkeys: readonly string[],
  ) {
    super();
  }
}
