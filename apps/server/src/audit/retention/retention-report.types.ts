/** Something that should have left by now and has not. */
export interface Overdue {
  /**
   * `hot`: entries past the hot retention; `archived`: batches past theirs; `restored`: restored batches past their end;
   * `erasure`: persons whose erasure is begun and not over.
   */
  what: 'hot' | 'archived' | 'restored' | 'erasure';
  /** Of entries, both inclusive; null of an erasure. */
  from_seq: number | null;
  to_seq: number | null;
  /** When the first of it should have left, RFC 3339. */
  since: string;
  /** `disabled`: archiving is switched off; `waiting`: for the next turn. */
  reason: 'disabled' | 'suspended' | 'hold' | 'lock' | 'failing' | 'waiting';
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
