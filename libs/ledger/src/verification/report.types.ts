import type { FormFault } from '../ledger.errors.js';
import type { VerifierKey } from '../note-keys.js';

export interface VerifierOptions {
  tenant: string;
  origin: string;
  /** Keys the checkpoints may be signed with, and whether they come from outside the store under test. */
  keys: {
    verifierKeys: readonly VerifierKey[];
    pinned: boolean;
    /** Ed25519 public keys by the `kid` of an event's own signature. An event of any other is reported as `key_unknown`. */
    eventKeys?: ReadonlyMap<string, Uint8Array>;
  };
  /** The signer's high-water mark, kept outside the database. */
  highWater?: { origin: string; size: number; root: Uint8Array };
  /** How many breaks are listed; all are counted. Default 1,000. */
  maxBreaks?: number;
}

export type BreakClass =
  | 'edited'
  | 'deleted'
  | 'inserted'
  | 'reordered'
  | 'forked'
  | 'index_mismatch'
  | 'tail_cut'
  | 'rolled_back'
  | 'checkpoint_invalid'
  | 'key_unknown'
  | 'cannot_read';

/** One finding, plain JSON. `seq` where it concerns one entry, otherwise `from` and `to` (both inclusive). */
export interface Break {
  class: BreakClass;
  seq?: number;
  from?: number;
  to?: number;
  /** For `reordered`: every position that holds another one's entry. */
  seqs?: number[];
  event_id?: string;
  /** The stored field that is wrong, where it can be told. */
  field?: string;
  /** Hashes in hex, or the value of a column. */
  stored?: string;
  recomputed?: string;
  /** Size of the checkpoint concerned. */
  checkpoint?: number;
  /** `interval`: somewhere between the last matching and the first failing signed checkpoint. */
  located: 'seq' | 'interval';
  last_good_seq: number | null;
  first_good_seq_after: number | null;
  /** `contradicts_signature`: a checkpoint with a valid signature covers the place, so the store changed after it. */
  standing: 'contradicts_signature' | 'inconsistent' | 'cannot_check';
  reason: string;
}

/** A break as it is found; the rest is filled in when the whole ledger has been seen. */
export type Finding = Omit<Break, 'located' | 'last_good_seq' | 'first_good_seq_after' | 'standing'> & {
  located?: Break['located'];
};

export type Verdict = 'broken' | 'incomplete' | 'consistent';

export interface VerificationReport {
  tenant: string;
  origin: string;
  /** `incomplete`: nothing is wrong, but something could not be checked; `reasons` says what. */
  verdict: Verdict;
  reasons: string[];
  /** Where the keys came from. With `unpinned` keys the store vouches for itself. */
  keys: 'pinned' | 'unpinned';
  /** `<name>+<key id>` of every key whose signature was found and holds. */
  keys_used: string[];
  /** Inclusive; null for an empty ledger. */
  range: { asked: SeqRange | null; covered: SeqRange | null };
  /** `expected` counts what entries or signatures say was there, `verified` the entries without any break. */
  entries: { expected: number; found: number; verified: number };
  checkpoints: {
    checked: number;
    matched: number;
    /** Their signature holds, but a leaf hash below them is lost, so their root cannot be recomputed. */
    not_comparable: number;
    newest: { size: number; root: string; asserted_time?: string } | null;
  };
  /** Entries no checkpoint covers yet: only the chain was checked, and cutting them would not be seen. */
  unsealed: SeqRange | null;
  /** In order of place; at most `maxBreaks`. */
  breaks: Break[];
  breaks_total: number;
  /** Entries whose hashes hold and whose bytes are no canonical event: a fault of the writer, not of the store. */
  form_faults: { total: number; first: { seq: number; faults: FormFault[] }[] };
}

export interface SeqRange {
  from: number;
  to: number;
}
