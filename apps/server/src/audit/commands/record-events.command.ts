import { Command } from '@nestjs/cqrs';
import type { RecordedEvent, SealedEvent } from '../audit.types.js';

/**
 * Appends sealed events to the tenant's ledger, in this order. Resolves when a majority has them in its journal.
 * Idempotent by id: the same bytes keep their seq, other bytes fail with AUDIT.EVENT_CONFLICT. After
 * AUDIT.OUTCOME_UNKNOWN or AUDIT.SUSPENDED call again with the same events.
 */
export class RecordEvents extends Command<RecordedEvent[]> {
  constructor(
    readonly tenant: string,
    readonly events: readonly SealedEvent[],
  ) {
    super();
  }
}
