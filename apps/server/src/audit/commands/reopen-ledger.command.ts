import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

/** Why an operator gives up what was signed beyond the last good checkpoint. */
export const REOPEN_REASONS = ['backup_restored', 'data_lost', 'data_altered', 'keys_replaced', 'test'] as const;
export type ReopenReason = (typeof REOPEN_REASONS)[number];

export interface Reopened {
  tenant: string;
  /** Of the new incarnation. */
  origin: string;
  incarnation: number;
  /** Where the entry stands that says all this. */
  seq: number;
}

/**
 * Opens the next incarnation of a suspended ledger, under an origin of its own, as the store is now. Nothing signed is
 * taken back: `good` is the last checkpoint that the store still has as a prefix, as the operator typed it. Resolves when
 * the first entry, `ledger.reopened`, is durable and the ledger takes others; when it rejects, giving the same order
 * again goes on. Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE, AUDIT.LEDGER_NOT_FOUND,
 * AUDIT.LEDGER_OPEN, AUDIT.CONFIRMATION_WRONG or AUDIT.OUTCOME_UNKNOWN.
 */
export class ReopenLedger extends Command<Reopened> {
  constructor(
    readonly tenant: string,
    /** `root`: 32 bytes in base64, as a checkpoint has it. */
    readonly good: { size: number; root: string },
    readonly reason: ReopenReason,
    readonly requester: Requester,
  ) {
    super();
  }
}
