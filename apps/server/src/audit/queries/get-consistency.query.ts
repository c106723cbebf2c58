import { Query } from '@nestjs/cqrs';

export interface Consistency {
  from: { size: number; root: Uint8Array; checkpoint: string };
  to: { size: number; root: Uint8Array; checkpoint: string };
  /** RFC 9162 §2.1.4. */
  proof: Uint8Array[];
}

/**
 * That the tree of one checkpoint is the beginning of another's. The proof was checked. Fails with AUDIT.SIZE_INVALID
 * (`from` is larger), AUDIT.CHECKPOINT_NOT_FOUND, or AUDIT.PROOF_CONTRADICTED and its like.
 */
export class GetConsistency extends Query<Consistency> {
  constructor(
    readonly tenant: string,
    readonly from: number,
    readonly to: number,
  ) {
    super();
  }
}
