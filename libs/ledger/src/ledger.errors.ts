/** One cause, one code. */
export type LedgerErrorCode =
  // tree and proofs
  | 'LEDGER.HASH_LENGTH'
  | 'LEDGER.INDEX_OUT_OF_RANGE'
  | 'LEDGER.SIZE_OUT_OF_RANGE'
  | 'LEDGER.PROOF_LENGTH'
  | 'LEDGER.ROOT_MISMATCH'
  | 'LEDGER.FROM_ROOT_MISMATCH'
  | 'LEDGER.TREE_STATE_INVALID'
  // tiles and bundles
  | 'LEDGER.TILE_PATH'
  | 'LEDGER.TILE_WIDTH'
  | 'LEDGER.TILE_LENGTH'
  | 'LEDGER.BUNDLE_TRUNCATED'
  | 'LEDGER.BUNDLE_TRAILING'
  // event form
  | 'LEDGER.EVENT_VALUE'
  | 'LEDGER.EVENT_FORM'
  | 'LEDGER.EVENT_TOO_LARGE'
  | 'LEDGER.EVENT_NOT_CANONICAL'
  | 'LEDGER.EVENT_TENANT'
  | 'LEDGER.EVENT_UNSIGNED'
  | 'LEDGER.EVENT_SIGNATURE'
  // kinds
  | 'LEDGER.KIND_DECLARATION'
  | 'LEDGER.DATA_FIELD_UNKNOWN'
  | 'LEDGER.DATA_FIELD_MISSING'
  | 'LEDGER.DATA_FIELD_FORM'
  | 'LEDGER.PSEUDONYM_MISSING'
  // notes, keys, checkpoints
  | 'LEDGER.NOTE_MALFORMED'
  | 'LEDGER.NOTE_SIGNATURE'
  | 'LEDGER.NOTE_KEY_UNKNOWN'
  | 'LEDGER.NOTE_KEY_AMBIGUOUS'
  | 'LEDGER.NOTE_LOG_SIGNATURE'
  | 'LEDGER.COSIGNATURE_MALFORMED'
  | 'LEDGER.COSIGNATURE_KEY'
  | 'LEDGER.VERIFIER_KEY_MALFORMED'
  | 'LEDGER.VERIFIER_KEY_ID'
  | 'LEDGER.VERIFIER_KEY_ALGORITHM'
  | 'LEDGER.CHECKPOINT_MALFORMED'
  | 'LEDGER.PROOF_FILE_MALFORMED'
  | 'LEDGER.TLOG_NO_CHECKPOINT'
  | 'LEDGER.STATE_MISMATCH'
  | 'LEDGER.MAC_KEY_SHORT'
  // witnesses
  | 'LEDGER.WITNESS_REQUEST_MALFORMED'
  | 'LEDGER.POLICY_SYNTAX'
  | 'LEDGER.POLICY_NAME_TAKEN'
  | 'LEDGER.POLICY_NAME_UNKNOWN'
  | 'LEDGER.POLICY_MEMBER_REPEATED'
  | 'LEDGER.POLICY_KEY_REPEATED'
  | 'LEDGER.POLICY_KEY_TYPE';

/**
 * What this library refuses. The same shape as the kernel's `CodedError`, which a pure library may not import: the
 * message shows what was expected and what was found, never content of an event or a key.
 */
export class LedgerError extends Error {
  constructor(
    readonly code: LedgerErrorCode,
    message: string,
    options?: { cause?: unknown; details?: readonly FormFault[] },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LedgerError';
    this.details = options?.details ?? [];
  }

  /** For `LEDGER.EVENT_FORM`: every fault found. */
  readonly details: readonly FormFault[];
}

/** One fault of an event's form. */
export interface FormFault {
  /** JSON pointer (RFC 6901) into the event, e.g. `/meta/received_at`. */
  pointer: string;
  /** What the place must hold. Never what it held. */
  expected: string;
}
