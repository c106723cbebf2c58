import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

/** How far the checkpoints of a ledger are anchored at one place. */
export interface AnchorState {
  kind: 'object_store' | 'witness' | 'rfc3161';
  name: string;
  /** Of the newest anchored checkpoint; null while there is none. */
  size: number | null;
  /** Hex. */
  root: string | null;
  /** When the other side says that it was there, RFC 3339. */
  time: string | null;
  anchored_at: string | null;
  /** Object store: which version, and until when it is locked. */
  version?: string;
  retain_until?: string;
  /** Published entries that are not anchored here. */
  lag_entries: number;
  /** For how long the first checkpoint over them has waited, milliseconds; 0 when there are none. */
  lag_ms: number;
  /** Why the newest attempts failed; null when the last one did not. */
  failure: { code: string; attempts: number; since: string } | null;
}

export interface AnchorStates {
  tenant: string;
  origin: string;
  published_size: number;
  /** The largest size among the newest cosigned ones for which the quorum of the witness policy holds. */
  witnessed_size: number | null;
  /** One for each place that is configured. */
  anchors: AnchorState[];
}

/** Fails with AUDIT.LEDGER_NOT_FOUND, and of another tenant than the requester's with AUDIT.OPERATOR_REQUIRED. */
export class ListAnchors extends Query<AnchorStates> {
  constructor(
    readonly tenant: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
