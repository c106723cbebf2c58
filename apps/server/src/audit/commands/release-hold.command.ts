import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { LegalHold } from '../domain/legal-hold.types.js';

/**
 * Ends a legal hold; what no other hold covers can be erased and retired from now on. One that has ended stays as it is.
 * Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.HOLD_NOT_FOUND or AUDIT.SUSPENDED.
 */
export class ReleaseHold extends Command<LegalHold> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
