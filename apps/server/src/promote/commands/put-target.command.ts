import { Command } from '@nestjs/cqrs';
import type { Requester } from '../../audit/index.js';
import type { Promotion, TargetName } from '../promote.types.js';

/**
 * Puts one target of a promotion and records its outcome, in the store and in the ledger. Rejects with FAAError and
 * PROMOTE.STORAGE_UNAVAILABLE once the failure is recorded.
 */
export class PutTarget extends Command<void> {
  constructor(
    readonly requester: Requester,
    readonly promotion: Promotion,
    readonly name: TargetName,
  ) {
    super();
  }
}
