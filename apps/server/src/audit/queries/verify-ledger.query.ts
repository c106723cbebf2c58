import { Query } from '@nestjs/cqrs';
import type { LedgerVerdict } from '../verification/verification.types.js';

/**
 * Verifies a whole ledger as it is when asked, while the caller waits. `vkeys` are verifier keys from outside; without
 * them the service's own are taken and the report says `unpinned`. Fails with AUDIT.LEDGER_NOT_FOUND,
 * AUDIT.VERIFIER_KEY_INVALID or AUDIT.VERIFICATION_BUSY, and with the reason of `caller` when that is aborted.
 */
export class VerifyLedger extends Query<LedgerVerdict> {
  constructor(
    readonly tenant: string,
    readonly vkeys: readonly string[],
    readonly caller?: AbortSignal,
  ) {
    super();
  }
}
