import type { SealedEvent } from '../audit.types.js';

/** An order to keep, for one case: of some persons or of everyone, of some time or of all. */
export interface LegalHold {
  /** UUIDv7. */
  _id: string;
  tenant: string;
  case_id: string;
  /** Pseudonyms; absent: everyone's. */
  subjects?: string[];
  /** Inclusive, RFC 3339 with milliseconds; absent: from the beginning. */
  since?: string;
  /** Exclusive; absent: no end. */
  until?: string;
  placed_at: Date;
  /** Absent while it holds. */
  released_at?: Date;
  /** Its events that are not known to be in the ledger. */
  unrecorded: SealedEvent[];
  /** Absent when there are none. */
  waits?: true;
}

/** What a hold keeps, as the ledger says it too. */
export type HoldTerms = Pick<LegalHold, '_id' | 'tenant' | 'case_id' | 'subjects' | 'since' | 'until'>;

/** The time of some entries, both ends inclusive, RFC 3339 with milliseconds. */
export interface Span {
  minTs: string;
  maxTs: string;
}
