import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

export const ROTATED_PURPOSES = ['note', 'cosignature', 'event', 'mac', 'archive'] as const;
export type RotatedPurpose = (typeof ROTATED_PURPOSES)[number];

/**
 * Makes a new key; resolves with its id when it is on disk and in the system ledger. Each ledger moves to it once a
 * checkpoint by the key until now covers its activation; that needs no further act and survives a restart. `tenant`: a
 * note key of that ledger's own. Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE, AUDIT.KEY_REQUEST_INVALID,
 * AUDIT.ROTATION_PENDING or AUDIT.SUSPENDED.
 */
export class RotateKey extends Command<{ id: string }> {
  constructor(
    readonly purpose: RotatedPurpose,
    readonly tenant: string | undefined,
    readonly requester: Requester,
  ) {
    super();
  }
}
