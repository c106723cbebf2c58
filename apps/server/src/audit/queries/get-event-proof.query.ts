import { Query } from '@nestjs/cqrs';

export interface EventProof {
  event_id: string;
  seq: number;
  /** The event's canonical bytes. */
  bytes: Uint8Array;
  leafHash: Uint8Array;
  /** Of the tree of the checkpoint. */
  size: number;
  root: Uint8Array;
  /** From the leaf's sibling up (RFC 9162 §2.1.3). */
  proof: Uint8Array[];
  /** The signed note. */
  checkpoint: string;
}

/**
 * That an event is in the tree of the newest published checkpoint, or of the one of `size`. The proof was checked.
 * Fails with AUDIT.EVENT_NOT_FOUND, AUDIT.EVENT_NOT_COVERED (try again), AUDIT.CHECKPOINT_NOT_FOUND (of `size`),
 * AUDIT.SIZE_INVALID (the event came later), or AUDIT.PROOF_CONTRADICTED and its like when the store is not what was
 * signed.
 */
export class GetEventProof extends Query<EventProof> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly size: number | undefined,
  ) {
    super();
  }
}
