import { Query } from '@nestjs/cqrs';

export interface LatestCheckpoint {
  tenant: string;
  origin: string;
  size: number;
  /** Base64, as in the note. */
  root: string;
  /** The signed note (C2SP tlog-checkpoint). */
  note: string;
  /** The key it is checked with, as this service says: pin one you got from elsewhere. */
  verifier_key: string;
  signed_at: string;
}

/** Fails with AUDIT.CHECKPOINT_NOT_FOUND while nothing is signed. */
export class GetLatestCheckpoint extends Query<LatestCheckpoint> {
  constructor(readonly tenant: string) {
    super();
  }
}
