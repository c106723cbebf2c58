import { CodedError } from '#libs/kernel';

export type WitnessErrorCode =
  | 'WITNESS.LISTEN_INVALID'
  | 'WITNESS.NAME_INVALID'
  | 'WITNESS.LOGS_UNREADABLE'
  | 'WITNESS.KEY_UNREADABLE'
  /** Others than its owner may read the key file. */
  | 'WITNESS.KEY_EXPOSED'
  /** The key is there, and what it has cosigned is not: starting from nothing, it could cosign a second history. */
  | 'WITNESS.STATE_MISSING'
  | 'WITNESS.STATE_UNREADABLE';

export class WitnessError extends CodedError<WitnessErrorCode> {}
