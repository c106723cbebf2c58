import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

/** How a key signs one ledger. */
export interface KeyInLedger {
  ledger: string;
  /** As the ledger's entries name it. */
  key_id: string;
  /** To check it with; absent for a key of events. */
  verifier_key?: string;
  /** First and last size it signs; absent before the ledger moved to it, and `to_size` while it goes on. */
  from_size?: number;
  to_size?: number;
}

export interface KeyView {
  /** First 16 hex digits of the SHA-256 of the public key. */
  id: string;
  purpose: 'note' | 'cosignature' | 'event';
  /** The one ledger it signs; null: every ledger that has no key of its own. */
  tenant: string | null;
  /** `current` signs what comes, `followed` has a successor, `retired` can sign no more. */
  state: 'current' | 'followed' | 'retired';
  /** Ed25519, base64. */
  public_key: string;
  created_at: string;
  retired_at: string | null;
  /** Since which size others may have it; of one ledger, or of all when none is named. */
  compromised: readonly { ledger?: string; since_size: number; at: string }[];
  /** In the caller's ledger and in that of the system, where it signs them. */
  ledgers: KeyInLedger[];
}

export interface KeyList {
  /** Oldest first. */
  keys: KeyView[];
  /** Master keys of the MACs, by id; from the environment or from the key folder. */
  mac: { current: string; all: readonly string[]; from: 'setting' | 'file' };
  /** Keys that archived batches are encrypted under, by id; null while there are none. */
  archive: { current: string; all: readonly string[] } | null;
  /** Open ledgers that have not moved to the newest key yet. */
  waiting: { note: string[]; cosignature: string[] };
}

/** The keys in this process's folder. Fails with AUDIT.OPERATOR_REQUIRED or AUDIT.KEYS_ELSEWHERE. */
export class ListKeys extends Query<KeyList> {
  constructor(readonly requester: Requester) {
    super();
  }
}
