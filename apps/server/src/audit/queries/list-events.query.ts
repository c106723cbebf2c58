import { Query } from '@nestjs/cqrs';
import type { LedgerEvent } from '#libs/ledger';
import type { Tier } from '../tiers/tier.types.js';

/** Either `after_seq` alone (to follow the ledger), or any of the others (to search it, newest first). */
export interface EventFilter {
  kind?: string | undefined;
  job_id?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  cursor?: string | undefined;
  after_seq?: number | undefined;
  limit?: number | undefined;
}

export interface ListedEvent {
  seq: number;
  /** Hex, as stored. */
  leaf_hash: string;
  chain_hash: string;
  tier: Tier;
  /** Parsed from the stored bytes; null when they are no canonical event: verify the ledger. */
  event: LedgerEvent | null;
}

export interface EventPage {
  events: ListedEvent[];
  /** For the next older page; absent on the last one. */
  next_cursor?: string;
  /** When following: pass it as `after_seq` next time. */
  next_after_seq?: number;
}

/**
 * From hot storage and the archive alike. Fails with AUDIT.FILTER_INVALID when filters exclude each other or the cursor
 * is not one of ours, with AUDIT.RANGE_REQUIRED for `kind` or `job_id` over what is archived, and with AUDIT.ARCHIVE_MISSING,
 * AUDIT.ARCHIVE_ALTERED or AUDIT.ARCHIVE_KEY_MISSING where a batch cannot be read.
 */
export class ListEvents extends Query<EventPage> {
  constructor(
    readonly tenant: string,
    readonly filter: EventFilter,
  ) {
    super();
  }
}
