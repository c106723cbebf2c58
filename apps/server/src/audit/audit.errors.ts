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
  /** Only a suspended ledger can be opened anew. */
  | 'AUDIT.LEDGER_OPEN'
  /** What the operator typed is not the last good checkpoint. */
  | 'AUDIT.CONFIRMATION_WRONG'
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
  /** A filter that hot storage alone answers, over what is archived. */
  | 'AUDIT.RANGE_REQUIRED'
  /** The cold store does not have an object that the record of a batch names. */
  | 'AUDIT.ARCHIVE_MISSING'
  /** An object of a batch is not what was archived. */
  | 'AUDIT.ARCHIVE_ALTERED'
  /** The batch is encrypted under a key that this process has not. */
  | 'AUDIT.ARCHIVE_KEY_MISSING'
  /** The retention of the batch is over. */
  | 'AUDIT.ARCHIVE_RETIRED'
  | 'AUDIT.VERIFIER_KEY_INVALID'
  | 'AUDIT.VERIFICATION_BUSY'
  | 'AUDIT.VERIFICATION_NOT_FOUND'
  | 'AUDIT.RANGE_INVALID'
  /** A thread that reads and digests entries could not read the store, or died. */
  | 'AUDIT.VERIFIER_THREAD_FAILED'
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
  /** It signs still, or its successor does not everywhere yet. */
  | 'AUDIT.KEY_IN_USE'
  /** The ledgers have not all moved to the last new key yet. */
  | 'AUDIT.ROTATION_PENDING'
  | 'AUDIT.KEY_REQUEST_INVALID'
  /** Only the deployment's operator may do it. */
  | 'AUDIT.OPERATOR_REQUIRED'
  /** The keys are in the folder of another process. */
  | 'AUDIT.KEYS_ELSEWHERE'
  | 'AUDIT.MARK_UNREADABLE'
  /** AUDIT_ANCHOR_URL lies with what it is to be an anchor for. */
  | 'AUDIT.ANCHOR_NOT_APART'
  /** What lies in the anchor store is not what was put there. */
  | 'AUDIT.ANCHOR_MISMATCH'
  | 'AUDIT.ARCHIVE_NOT_FOUND'
  /** No second store is configured. */
  | 'AUDIT.ARCHIVE_COPY_NOT_FOUND'
  /** Another run archives this ledger. */
  | 'AUDIT.ARCHIVE_BUSY'
  /** ARCHIVE_ENABLED is false; `override` goes past it. */
  | 'AUDIT.ARCHIVE_DISABLED'
  /** Before the hour, or the day's run is done; `override` goes past it. */
  | 'AUDIT.ARCHIVE_NOT_DUE'
  /** Another object lies where this one was to be put. */
  | 'AUDIT.ARCHIVE_OCCUPIED'
  /** What was put does not read back as it was put: its entries stay. */
  | 'AUDIT.ARCHIVE_UNPROVEN'
  /** A checkpoint of ours is anchored that the ledger does not hold. The ledger is suspended. */
  | 'AUDIT.ANCHOR_CONTRADICTED'
  | 'AUDIT.WITNESS_POLICY_INVALID'
  /** The witness does not know this log: its operator has to add the verifier key. */
  | 'AUDIT.WITNESS_LOG_UNKNOWN'
  /** The witness knows the log under other keys. */
  | 'AUDIT.WITNESS_KEY_UNKNOWN'
  | 'AUDIT.WITNESS_REFUSED'
  | 'AUDIT.WITNESS_UNAVAILABLE'
  | 'AUDIT.WITNESS_ANSWER_INVALID'
  /** The witness has cosigned a history that is not this one, or more of it than there is. */
  | 'AUDIT.WITNESS_CONTRADICTED'
  /** Settings of the cold store that do not go together, or not with the store. */
  | 'AUDIT.COLD_SETTING_INVALID'
  /** AUDIT_COLD_COPY_URL is the place, or in the place, that it is to be a copy of. */
  | 'AUDIT.COLD_COPY_NOT_APART'
  /** The second cold store has another object where a copy should lie. */
  | 'AUDIT.COLD_COPY_OCCUPIED'
  /** Nobody of this name has a key: never named in the ledger, or erased already. */
  | 'AUDIT.SUBJECT_NOT_FOUND'
  | 'AUDIT.ERASURE_NOT_FOUND'
  /** A legal hold came first. */
  | 'AUDIT.ERASURE_HELD'
  | 'AUDIT.HOLD_NOT_FOUND'
  /** A legal hold lies on a batch that was about to be retired. Never leaves: retention waits. */
  | 'AUDIT.BATCH_HELD'
  /** What the request names cannot be; the details say which field. */
  | 'AUDIT.HOLD_REQUEST_INVALID'
  /** What lies where a receipt or a tombstone of ours should lie is none. */
  | 'AUDIT.RECEIPT_INVALID'
  | 'AUDIT.TOMBSTONE_INVALID'
  | 'AUDIT.TSA_CA_INVALID'
  | 'AUDIT.TSA_REFUSED'
  | 'AUDIT.TSA_UNAVAILABLE'
  | 'AUDIT.TOKEN_MALFORMED'
  | 'AUDIT.TOKEN_IMPRINT'
  | 'AUDIT.TOKEN_NONCE'
  /** The authority's clock is far from ours. */
  | 'AUDIT.TOKEN_TIME'
  | 'AUDIT.TOKEN_PURPOSE'
  | 'AUDIT.TOKEN_EXPIRED'
  | 'AUDIT.TOKEN_CHAIN'
  | 'AUDIT.TOKEN_SIGNATURE'
  /** The store does not hold what was signed. Never leaves: the ledger is suspended. */
  | 'AUDIT.CONTRADICTED'
  /** The store's head is behind the newest signed checkpoint. */
  | 'LEDGER.ROLLED_BACK';

export class AuditError extends CodedError<AuditErrorCode> {}
