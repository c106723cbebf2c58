/** Something that should have left by now and has not. */
export interface Overdue {
  /**
   * `hot`: entries past the hot retention; `archived`: batches past theirs; `restored`: restored batches past their end;
   * `erasure`: persons whose erasure is begun and not over; `orphan`: an object among the archived batches that no record
   * names.
   */
  what: 'hot' | 'archived' | 'restored' | 'erasure' | 'orphan';
  /** Of entries, both inclusive; null of an erasure. */
  from_seq: number | null;
  to_seq: number | null;
  /** When the first of it should have left, RFC 3339; when an orphan was put. */
  since: string;
  /** `disabled`: archiving is switched off; `waiting`: for the next turn; `unnamed`: nobody takes an orphan by himself. */
  reason: 'disabled' | 'suspended' | 'hold' | 'lock' | 'failing' | 'waiting' | 'unnamed';
  /** What it failed with, where that is known. */
  code: string | null;
}

/** What is kept of a ledger for how long, and what is kept longer than that. */
export interface RetentionView {
  tenant: string;
  /** Days; 0: for ever. */
  retention_days: number;
  hot_retention_days: number;
  archive_enabled: boolean;
  overdue: Overdue[];
}
