import type { FormFault } from '../ledger.errors.js';
import type { VerifierKey } from '../note-keys.js';

export interface VerifierOptions {
  tenant: string;
  origin: string;
  keys: {
    /** Every key a checkpoint may be signed with; note keys count only under the name `origin`. */
    verifierKeys: readonly VerifierKey[];
    /**
     * Which of them come from outside the store under test: all, none, or the `<name>+<key id>` of those that do. A key
     * that is not pinned is trusted when the ledger's own `key.activated` says so (design/ledger.md, Keys).
     */
    pinned: boolean | readonly string[];
    /** Ed25519 public keys by the `kid` of an event's own signature. An event of any other is reported as `key_unknown`. */
    eventKeys?: ReadonlyMap<string, Uint8Array>;
  };
  /** The signer's high-water mark, kept outside the database. */
  highWater?: { origin: string; size: number; root: Uint8Array };
  /** Seqs to verify, both inclusive; the whole ledger without it. Give what lies outside with `outside()`. */
  range?: SeqRange;
  /** How many breaks are listed; all are counted. Default 1,000. */
  maxBreaks?: number;
}

/** A root that a copy outside the store vouches for; its own signature or certificate was checked by who read it. */
export interface AnchorClaim {
  kind: 'object_store' | 'witness' | 'rfc3161';
  name: string;
  size: number;
  root: Uint8Array;
  /** When it was there at the latest, in seconds since 1970. */
  time?: number;
  /** True when the copy is in another trust domain than the store. */
  independent: boolean;
}

/** Leaf hashes of the entries from seq `from` on, of a C2SP tile of level 0 (or a part of one). */
export interface LeafTile {
  from: number;
  hashes: readonly Uint8Array[];
  source: 'stored' | 'anchored';
}

/** What is wrong with a stored tile over these seqs, both inclusive; `field`: which of its fields. */
export interface TileFault {
  from: number;
  to: number;
  field: string;
  reason: string;
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
  | 'tile_mismatch'
  | 'checkpoint_invalid'
  | 'key_unknown'
  | 'key_not_valid_then'
  | 'manifest_changed'
  | 'archive_missing'
  | 'archive_altered'
  | 'anchor_mismatch'
  | 'cannot_read';

/**
 * What is wrong with an archived batch over these seqs, both inclusive. `code` is the dotted code of its one cause:
 * every way to be wrong has its own.
 */
export interface ArchiveFault {
  class: 'manifest_changed' | 'archive_missing' | 'archive_altered' | 'key_unknown' | 'cannot_read';
  from: number;
  to: number;
  /** Id of the batch record; absent where there is none. */
  batch?: string;
  code: string;
  /** Of record or manifest, the field that is wrong, with both values. */
  field?: string;
  stored?: string;
  recomputed?: string;
  /** Preset: `archive_altered` below a signed size is proven, the others are inconsistent. */
  verdict?: BreakVerdict;
  reason: string;
}

/** A manifest whose signature holds, over these seqs; `signer` is `<name>+<key id>`, `size` that of its checkpoint. */
export interface SignedManifest extends SeqRange {
  signer: string;
  size: number;
}

/** A batch that was looked at; `read`: its entries were read out of it. */
export interface BatchPassed {
  batch: string;
  from: number;
  to: number;
  read: boolean;
}

/**
 * What a break proves. `proven_tampering`: a signature that holds, or an independent anchor, says otherwise.
 * `inconsistent`: the store contradicts itself, as a fault of the service could make it. `cannot_check`: it says nothing.
 */
export type BreakVerdict = 'proven_tampering' | 'inconsistent' | 'cannot_check';

/** One finding, plain JSON. `seq` where it concerns one entry, otherwise `from` and `to` (both inclusive). */
export interface Break {
  class: BreakClass;
  seq?: number;
  from?: number;
  to?: number;
  /** For `reordered`: every position that holds another one's entry. */
  seqs?: number[];
  event_id?: string;
  /** Id of the archived batch concerned, and the dotted code of what is wrong with it. */
  batch?: string;
  code?: string;
  /** The stored field that is wrong, where it can be told. */
  field?: string;
  /** Hashes in hex, or the value of a column. */
  stored?: string;
  recomputed?: string;
  /** Size of the checkpoint concerned. */
  checkpoint?: number;
  /** `interval`: somewhere between the last matching and the first failing signed checkpoint, or anchor. */
  located: 'seq' | 'interval';
  last_good_seq: number | null;
  first_good_seq_after: number | null;
  verdict: BreakVerdict;
  reason: string;
}

/** A break as it is found; the rest is filled in when the whole ledger has been seen. */
export type Finding = Omit<Break, 'located' | 'last_good_seq' | 'first_good_seq_after' | 'verdict'> & {
  located?: Break['located'];
  /** Where the evidence is at hand already; otherwise decided by what signed sizes cover. */
  verdict?: BreakVerdict;
};

/**
 * `incomplete`: nothing is wrong, but something could not be checked. `consistent`: the store agrees with itself and
 * its signatures. `anchored`: and with a copy in another trust domain, under pinned keys, up to `anchored_size`.
 */
export type Tier = 'broken' | 'incomplete' | 'consistent' | 'anchored';

export interface VerificationReport {
  tenant: string;
  origin: string;
  tier: Tier;
  /** Why the tier is no better, in sentences. */
  reasons: string[];
  /** Where the keys came from. With `unpinned` keys the store vouches for itself. */
  keys: 'pinned' | 'unpinned';
  /** `<name>+<key id>` of every key whose signature was found and holds. */
  keys_used: string[];
  /** Inclusive; null for an empty ledger. */
  range: { asked: SeqRange | null; covered: SeqRange | null };
  /** `expected` counts what entries or signatures say is there (not what retired), `verified` those without a break. */
  entries: { expected: number; found: number; verified: number };
  /** Batches of the cold archive over the range; `verified` are those read and without any break. */
  batches: { expected: number; read: number; verified: number };
  /** Seqs whose retention has ended, by signed tombstones: their leaf hashes were verified, and no entry is left. */
  retired: SeqRange[];
  checkpoints: {
    checked: number;
    matched: number;
    /** Their signature holds, but a leaf hash below them is lost, so their root cannot be recomputed. */
    not_comparable: number;
    newest: { size: number; root: string; asserted_time?: string } | null;
  };
  /** Leaf tiles whose hashes were compared with the entries, and how many of them agree. */
  tiles: { compared: number; agreed: number };
  anchors: {
    kind: AnchorClaim['kind'];
    name: string;
    size: number;
    time?: string;
    independent: boolean;
    matched: boolean;
  }[];
  /** The size up to which an independent anchor agrees; 0 without one. */
  anchored_size: number;
  /**
   * Of a ledger that was reopened: each incarnation after the first, what no checkpoint of the one before covers, and
   * what the one before had signed and is gone.
   */
  incarnations?: {
    incarnation: number;
    origin: string;
    from_seq: number;
    good_size: number;
    unproven: SeqRange | null;
    lost: SeqRange | null;
  }[];
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
