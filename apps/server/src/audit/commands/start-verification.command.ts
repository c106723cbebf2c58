import { Command } from '@nestjs/cqrs';
import type { Actor } from '#libs/ledger';
import type { Verification, VerificationAsked } from '../verification/verification.types.js';

/**
 * Puts a verification into the queue, which processes in the role `ledger` work off. Durable when it resolves. Fails
 * with AUDIT.LEDGER_NOT_FOUND, AUDIT.VERIFIER_KEY_INVALID, AUDIT.RANGE_INVALID, or AUDIT.VERIFICATION_BUSY when the
 * tenant has as many under way as it may.
 */
export class StartVerification extends Command<Verification> {
  constructor(
    readonly tenant: string,
    readonly asked: VerificationAsked,
    readonly requester: { actor: Actor; credential: string },
    readonly origin: Verification['origin'] = 'request',
  ) {
    super();
  }
}
