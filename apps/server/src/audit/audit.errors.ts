import { CodedError } from '#libs/kernel';

export type AuditErrorCode =
  /** No new entries until an operator has looked: the store does not hold what was signed. Outboxes keep. */
  | 'AUDIT.SUSPENDED'
  /** The store did not say whether the entries were kept. Recording the same events again is safe. */
  | 'AUDIT.OUTCOME_UNKNOWN'
  /** The same event id with other bytes. */
  | 'AUDIT.EVENT_CONFLICT'
  /** The id's time is older than half of the hot retention, or more than five minutes ahead. */
  | 'AUDIT.EVENT_TOO_OLD'
  | 'AUDIT.EVENT_ID_INVALID'
  /** Not the canonical bytes of an event of that id and tenant, or a draft that can become none. */
  | 'AUDIT.EVENT_INVALID'
  | 'AUDIT.KIND_UNKNOWN'
  | 'AUDIT.TENANT_INVALID'
  | 'AUDIT.LEDGER_NOT_FOUND'
  | 'AUDIT.CHECKPOINT_NOT_FOUND'
  /** A stored full tile is not the one that the entries make. */
  | 'AUDIT.TILE_CONTRADICTED'
  /** The store lacks a full tile that a published checkpoint covers. */
  | 'AUDIT.TILE_MISSING'
  /** No tile of that name, or none that the published checkpoint covers. */
  | 'AUDIT.TILE_NOT_FOUND'
  | 'AUDIT.EVENT_NOT_FOUND'
  /** The event is in the ledger and the published checkpoint does not cover it yet. */
  | 'AUDIT.EVENT_NOT_COVERED'
  /** Tree sizes that no proof leads between. */
  | 'AUDIT.SIZE_INVALID'
  /** A proof made of what is stored does not lead to the signed root. */
  | 'AUDIT.PROOF_CONTRADICTED'
  /** An entry that a checkpoint covers is missing, or its bytes do not hash to what was appended. */
  | 'AUDIT.ENTRY_CONTRADICTED'
  | 'AUDIT.FILTER_INVALID'
  | 'AUDIT.VERIFIER_KEY_INVALID'
  | 'AUDIT.VERIFICATION_BUSY'
  | 'AUDIT.ORIGIN_INVALID'
  /** A ledger exists under another ASSAY_ORIGIN. */
  | 'AUDIT.ORIGIN_CHANGED'
  | 'AUDIT.KEY_UNREADABLE'
  | 'AUDIT.SIGNING_KEY_SHORT'
  /** AUDIT_SIGNING_KEY begins like a ring of keys and is none. */
  | 'AUDIT.SIGNING_KEY_INVALID'
  /** Others than its owner could use a key file. */
  | 'AUDIT.KEY_PERMISSIONS'
  | 'AUDIT.KEY_NOT_FOUND'
  /** What the key was to sign it will not: its private half is gone. */
  | 'AUDIT.KEY_RETIRED'
  /** The keys are in the folder of another process. */
  | 'AUDIT.KEYS_ELSEWHERE'
  | 'AUDIT.MARK_UNREADABLE'
  /** The store does not hold what was signed. Never leaves: the ledger is suspended. */
  | 'AUDIT.CONTRADICTED'
  /** The store's head is behind the newest signed checkpoint. */
  | 'LEDGER.ROLLED_BACK';

export class AuditError extends CodedError<AuditErrorCode> {}
