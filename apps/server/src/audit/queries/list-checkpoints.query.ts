import { Query } from '@nestjs/cqrs';

export interface ListedCheckpoint {
  size: number;
  /** Base64, as in the note. */
  root: string;
  /** The signed note (C2SP tlog-checkpoint). */
  note: string;
  signed_at: string;
  /** Why it is kept for ever: any of `anchored`, `batch_end`, `key_change`, `hourly`; others are thinned. */
  keep: string[];
}

export interface CheckpointPage {
  checkpoints: ListedCheckpoint[];
  /** For the next older page; absent on the last one. */
  next_before_size?: number;
}

/** Published checkpoints that are kept, largest first; those below `before_size` when that is given. */
export class ListCheckpoints extends Query<CheckpointPage> {
  constructor(
    readonly tenant: string,
    readonly limit: number,
    readonly before_size: number | undefined,
  ) {
    super();
  }
}
