/** How far the second cold store is behind the first, for one ledger. */
export interface ColdCopyState {
  /** `s3://<bucket>`, or `file`. */
  place: string;
  /** Archived batches that it has not. */
  lag_batches: number;
  /** Age of the oldest of them, milliseconds; 0 when it has all. */
  lag_ms: number;
}
