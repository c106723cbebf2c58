import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

/**
 * A key that was followed by another never signs again: its private half is destroyed, and every ledger that it signed
 * says up to which size. Done twice it is done once. Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE,
 * AUDIT.KEY_NOT_FOUND, AUDIT.KEY_IN_USE or AUDIT.SUSPENDED.
 */
export class RetireKey extends Command<void> {
  constructor(
    readonly id: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
