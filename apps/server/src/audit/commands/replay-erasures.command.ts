import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

export interface ErasuresReplayed {
  /** Receipts in the cold store. */
  receipts: number;
  /** Keys of objects that lie among them and are no receipts of ours. */
  invalid: string[];
  /** Erasures that were carried out again: the database did not know them, or had the key again. */
  again: string[];
}

/**
 * Reads every receipt in the cold store and destroys again what a restored backup has. Also done at each start and hourly.
 * Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE, or OBJECT_STORE codes when the cold store does not give the
 * receipts of a ledger; those of the others are carried out all the same.
 */
export class ReplayErasures extends Command<ErasuresReplayed> {
  constructor(readonly requester: Requester) {
    super();
  }
}
