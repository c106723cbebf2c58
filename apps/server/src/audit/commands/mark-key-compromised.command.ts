import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

/**
 * Says that others may have had the key since a size of a ledger: what it signed counts from now on only where an
 * anchor dates it earlier. `tenant`: whose sizes are meant; without it those of the key's own ledger or, of a key for
 * all, every size of every ledger (`sinceSize` 0). Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE,
 * AUDIT.KEY_NOT_FOUND, AUDIT.KEY_IN_USE (rotate first), AUDIT.KEY_REQUEST_INVALID or AUDIT.SUSPENDED.
 */
export class MarkKeyCompromised extends Command<void> {
  constructor(
    readonly id: string,
    readonly sinceSize: number,
    readonly tenant: string | undefined,
    readonly requester: Requester,
  ) {
    super();
  }
}
