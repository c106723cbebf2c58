import { Command } from '@nestjs/cqrs';
import type { EventDraft, SealedEvent } from '../audit.types.js';

/**
 * Seals what is about to happen, BEFORE the business write: kinds and data checked, persons made pseudonyms,
 * `received_at` and signature set, bytes frozen. Nothing is written to the ledger. Fails with AUDIT.SUSPENDED,
 * AUDIT.KIND_UNKNOWN, AUDIT.EVENT_TOO_OLD, AUDIT.EVENT_ID_INVALID, AUDIT.TENANT_INVALID, or AUDIT.EVENT_INVALID (about
 * form or data). `whileSuspended`: for the entry that opens a suspended ledger anew, and for nothing else.
 */
export class SealEvents extends Command<SealedEvent[]> {
  constructor(
    readonly drafts: readonly EventDraft[],
    readonly options: { whileSuspended?: boolean } = {},
  ) {
    super();
  }
}
