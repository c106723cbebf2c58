import type { SeqRange, VerificationReport } from '#libs/ledger';

export type VerificationState = 'queued' | 'running' | 'done' | 'canceled' | 'failed';

/** What a report of ours says beyond the verifier's. */
export interface LedgerVerdict extends VerificationReport {
  /** What the run was fixed to: the newest signed checkpoint when it started. */
  size: number;
  /** Chain hash of the newest entry when it started, hex; null for an empty ledger. */
  head: string | null;
  /** The least seq that the database holds; null for an empty ledger. */
  oldestHotSeq: number | null;
  /** The greatest seq in the cold archive; null while there is none. */
  highestArchivedSeq: number | null;
  /** Of all processes that worked on the run, in milliseconds. */
  duration_ms: number;
  /** Seqs at which another process took the run up. */
  resumed_at: number[];
}

/** What a verification was asked to do. */
export interface VerificationAsked {
  /** Seqs, both inclusive; the whole ledger without it. */
  range?: Partial<SeqRange> | undefined;
  /** Verifier keys from outside. Without any, the service's own are taken and the report says `unpinned`. */
  vkeys: readonly string[];
  /** Whether a tier below `anchored` is a failure. */
  require_anchor: boolean;
}

/** One verification as everyone sees it: over HTTP, in a list, in a stream of its progress. */
export interface Verification {
  id: string;
  tenant: string;
  state: VerificationState;
  /** Who asked: `background` is the service itself. */
  origin: 'request' | 'background';
  asked: VerificationAsked;
  /** Entries. `total` is null until the run is fixed to a size. */
  progress: { done: number; total: number | null };
  created_at: Date;
  started_at?: Date | undefined;
  finished_at?: Date | undefined;
  /** Grows with every change of what is shown. */
  rev: number;
  report?: LedgerVerdict | undefined;
  /** Of one that failed: the code of what kept it from ending. */
  error?: { code: string } | undefined;
}
