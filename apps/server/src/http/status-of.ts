import type { MongoErrorCode } from '#libs/mongo';
import type { ObjectStoreErrorCode } from '#libs/object-store';
import type { AuditErrorCode } from '../audit/index.js';
import type { ConversionErrorCode } from '../conversion/index.js';
import type { IdentityErrorCode } from '../identity/index.js';
import type { JobsErrorCode } from '../jobs/index.js';
import type { PromoteErrorCode } from '../promote/index.js';
import type { ResultsErrorCode } from '../results/index.js';
import type { HttpErrorCode } from './http.errors.js';

/** Every code that may reach the edge. One without a row below does not compile. */
type AppErrorCode =
  | HttpErrorCode
  | IdentityErrorCode
  | AuditErrorCode
  | JobsErrorCode
  | ConversionErrorCode
  | ResultsErrorCode
  | PromoteErrorCode
  | MongoErrorCode
  | ObjectStoreErrorCode;

/** What leaves for a code. */
export interface Outward {
  status: number;
  /** Stable, snake_case. */
  code: string;
  title: string;
  /** Whether the same request may succeed later without a change. */
  retryable: boolean;
  /** Of a 5xx: its message is for the caller too, and leaves. Of a 4xx it always does. */
  told?: true;
  /** When to try again, where we can tell; milliseconds. */
  retry_after_ms?: number;
}

const row = (status: number, code: string, title: string, retryable = false): Outward => ({
  status,
  code,
  title,
  retryable,
});

/** A fault of ours: nothing of it leaves but this. */
const internal = row(500, 'internal', 'Internal error');
const storage = row(503, 'storage_unavailable', 'Storage unavailable', true);
const database = row(503, 'database_unavailable', 'Database unavailable', true);
const audit = row(503, 'audit_unavailable', 'Audit ledger unavailable', true);
/** What is stored is not what was signed: the caller should verify, not try again. */
const contradicted: Outward = { ...row(500, 'ledger_contradicted', 'The ledger contradicts itself'), told: true };

const http: Record<HttpErrorCode, Outward> = {
  'HTTP.BAD_REQUEST': row(400, 'bad_request', 'Bad request'),
  'HTTP.INPUT_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'HTTP.NOT_FOUND': row(404, 'not_found', 'Not found'),
  'HTTP.METHOD_NOT_ALLOWED': row(405, 'method_not_allowed', 'Method not allowed'),
  'HTTP.NOT_ACCEPTABLE': row(406, 'not_acceptable', 'Not acceptable'),
  'HTTP.REQUEST_TIMEOUT': row(408, 'request_timeout', 'Request timeout', true),
  'HTTP.PAYLOAD_TOO_LARGE': row(413, 'payload_too_large', 'Payload too large'),
  'HTTP.UNSUPPORTED_MEDIA_TYPE': row(415, 'unsupported_media_type', 'Unsupported media type'),
  'HTTP.HEADERS_TOO_LARGE': row(431, 'headers_too_large', 'Headers too large'),
  'HTTP.UNAVAILABLE': row(503, 'unavailable', 'Service unavailable', true),
};

const identity: Record<IdentityErrorCode, Outward> = {
  'IDENTITY.NOT_CONFIGURED': row(503, 'api_key_not_configured', 'No API key is configured'),
  'IDENTITY.UNAUTHENTICATED': row(401, 'unauthenticated', 'Unauthenticated'),
  'IDENTITY.ACCESS_DENIED': row(403, 'access_denied', 'Access denied'),
  'IDENTITY.SETTING_INVALID': internal,
  'IDENTITY.KEY_FILE_UNUSABLE': internal,
};

const auditRows: Record<AuditErrorCode, Outward> = {
  'AUDIT.SUSPENDED': audit,
  'AUDIT.OUTCOME_UNKNOWN': audit,
  'AUDIT.EVENT_CONFLICT': row(409, 'event_conflict', 'Event conflict'),
  'AUDIT.EVENT_TOO_OLD': row(422, 'event_too_old', 'Event too old'),
  'AUDIT.EVENT_ID_INVALID': row(422, 'event_id_invalid', 'Invalid event id'),
  'AUDIT.EVENT_INVALID': internal,
  'AUDIT.KIND_UNKNOWN': internal,
  'AUDIT.TENANT_INVALID': row(422, 'tenant_invalid', 'Invalid tenant'),
  'AUDIT.LEDGER_NOT_FOUND': row(404, 'ledger_not_found', 'Ledger not found'),
  'AUDIT.LEDGER_OPEN': row(409, 'ledger_open', 'The ledger is open'),
  'AUDIT.CONFIRMATION_WRONG': row(409, 'confirmation_wrong', 'The confirmation is wrong'),
  'AUDIT.CHECKPOINT_NOT_FOUND': row(404, 'checkpoint_not_found', 'Checkpoint not found'),
  'AUDIT.TILE_CONTRADICTED': contradicted,
  'AUDIT.TILE_MISSING': contradicted,
  'AUDIT.ENTRY_CONTRADICTED': contradicted,
  'AUDIT.PROOF_CONTRADICTED': contradicted,
  'AUDIT.TILE_NOT_FOUND': row(404, 'tile_not_found', 'Tile not found'),
  'AUDIT.EVENT_NOT_FOUND': row(404, 'event_not_found', 'Event not found'),
  'AUDIT.EVENT_NOT_COVERED': {
    ...row(409, 'event_not_covered', 'No checkpoint covers the event yet', true),
    retry_after_ms: 500,
  },
  'AUDIT.SIZE_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'AUDIT.FILTER_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'AUDIT.RANGE_REQUIRED': row(422, 'range_required', 'A range in hot storage is required'),
  'AUDIT.ARCHIVE_MISSING': { ...row(502, 'archive_missing', 'An archived batch is missing'), told: true },
  'AUDIT.ARCHIVE_ALTERED': { ...row(502, 'archive_altered', 'An archived batch was altered'), told: true },
  'AUDIT.ARCHIVE_KEY_MISSING': row(409, 'archive_key_missing', 'The key of an archived batch is missing'),
  'AUDIT.ARCHIVE_RETIRED': row(410, 'archive_retired', 'The retention of these entries is over'),
  'AUDIT.VERIFIER_KEY_INVALID': row(422, 'verifier_key_invalid', 'Invalid verifier key'),
  'AUDIT.VERIFICATION_BUSY': {
    ...row(429, 'verification_busy', 'Too many verifications at once', true),
    retry_after_ms: 5_000,
  },
  'AUDIT.VERIFICATION_NOT_FOUND': row(404, 'verification_not_found', 'Verification not found'),
  'AUDIT.RANGE_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'AUDIT.VERIFIER_THREAD_FAILED': internal,
  'AUDIT.ORIGIN_INVALID': internal,
  'AUDIT.ORIGIN_CHANGED': internal,
  'AUDIT.KEY_UNREADABLE': internal,
  'AUDIT.SIGNING_KEY_SHORT': internal,
  'AUDIT.SIGNING_KEY_INVALID': internal,
  'AUDIT.KEY_PERMISSIONS': internal,
  'AUDIT.KEY_NOT_FOUND': row(404, 'key_not_found', 'Key not found'),
  'AUDIT.KEY_RETIRED': row(409, 'key_retired', 'The key is retired'),
  'AUDIT.KEY_IN_USE': row(409, 'key_in_use', 'The key is in use'),
  'AUDIT.ROTATION_PENDING': row(409, 'rotation_pending', 'A rotation is not finished', true),
  'AUDIT.KEY_REQUEST_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'AUDIT.OPERATOR_REQUIRED': row(403, 'access_denied', 'Access denied'),
  'AUDIT.KEYS_ELSEWHERE': row(409, 'keys_elsewhere', 'Another process holds the keys'),
  'AUDIT.MARK_UNREADABLE': internal,
  'AUDIT.ANCHOR_NOT_APART': internal,
  'AUDIT.COLD_SETTING_INVALID': internal,
  'AUDIT.COLD_COPY_NOT_APART': internal,
  'AUDIT.COLD_COPY_OCCUPIED': internal,
  'AUDIT.ANCHOR_MISMATCH': internal,
  'AUDIT.ANCHOR_CONTRADICTED': internal,
  'AUDIT.ARCHIVE_NOT_FOUND': row(404, 'archive_not_found', 'Archive not found'),
  'AUDIT.ARCHIVE_COPY_NOT_FOUND': row(404, 'archive_copy_not_found', 'There is no copy of the archive'),
  'AUDIT.ARCHIVE_BUSY': row(409, 'archive_busy', 'Another run is archiving', true),
  'AUDIT.ARCHIVE_DISABLED': row(409, 'archive_disabled', 'Archiving is switched off'),
  'AUDIT.ARCHIVE_NOT_DUE': row(409, 'archive_not_due', 'Archiving is not due'),
  'AUDIT.ARCHIVE_OCCUPIED': { ...row(502, 'archive_occupied', 'The archive has another object there'), told: true },
  'AUDIT.ARCHIVE_UNPROVEN': { ...row(502, 'archive_unproven', 'The archive does not read back'), told: true },
  'AUDIT.WITNESS_POLICY_INVALID': internal,
  'AUDIT.WITNESS_LOG_UNKNOWN': internal,
  'AUDIT.WITNESS_KEY_UNKNOWN': internal,
  'AUDIT.WITNESS_REFUSED': internal,
  'AUDIT.WITNESS_UNAVAILABLE': internal,
  'AUDIT.WITNESS_ANSWER_INVALID': internal,
  'AUDIT.WITNESS_CONTRADICTED': internal,
  'AUDIT.SUBJECT_NOT_FOUND': row(404, 'subject_not_found', 'Subject not found'),
  'AUDIT.ERASURE_NOT_FOUND': row(404, 'erasure_not_found', 'Erasure not found'),
  'AUDIT.ERASURE_HELD': row(409, 'erasure_held', 'A legal hold forbids the erasure'),
  'AUDIT.HOLD_NOT_FOUND': row(404, 'hold_not_found', 'Hold not found'),
  'AUDIT.BATCH_HELD': internal,
  'AUDIT.HOLD_REQUEST_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'AUDIT.RECEIPT_INVALID': internal,
  'AUDIT.TOMBSTONE_INVALID': internal,
  'AUDIT.TSA_CA_INVALID': internal,
  'AUDIT.TSA_REFUSED': internal,
  'AUDIT.TSA_UNAVAILABLE': internal,
  'AUDIT.TOKEN_MALFORMED': internal,
  'AUDIT.TOKEN_IMPRINT': internal,
  'AUDIT.TOKEN_NONCE': internal,
  'AUDIT.TOKEN_TIME': internal,
  'AUDIT.TOKEN_PURPOSE': internal,
  'AUDIT.TOKEN_EXPIRED': internal,
  'AUDIT.TOKEN_CHAIN': internal,
  'AUDIT.TOKEN_SIGNATURE': internal,
  'AUDIT.CONTRADICTED': contradicted,
  'LEDGER.ROLLED_BACK': row(503, 'audit_unavailable', 'Audit ledger unavailable'),
};

const jobs: Record<JobsErrorCode, Outward> = {
  'JOBS.NOT_FOUND': row(404, 'job_not_found', 'Job not found'),
  'JOBS.NOT_MULTIPART': row(415, 'unsupported_media_type', 'Unsupported media type'),
  'JOBS.UPLOAD_MALFORMED': row(400, 'upload_malformed', 'Malformed upload'),
  'JOBS.UPLOAD_INTERRUPTED': row(400, 'upload_interrupted', 'Interrupted upload', true),
  'JOBS.STORAGE_UNAVAILABLE': storage,
  'JOBS.FILE_TOO_LARGE': row(413, 'file_too_large', 'File too large'),
  'JOBS.TOO_MANY_FILES': row(413, 'too_many_files', 'Too many files'),
  'JOBS.INPUT_INVALID': row(422, 'invalid_input', 'Invalid input'),
  'JOBS.MODEL_REFUSED': row(422, 'model_refused', 'Model refused'),
  'JOBS.USER_HAS_ACTIVE_JOB': row(409, 'user_has_active_job', 'The user has an active job'),
  'JOBS.NOT_CANCELABLE': row(409, 'job_not_cancelable', 'The job cannot be canceled'),
};

const conversion: Record<ConversionErrorCode, Outward> = {
  'CONVERSION.TASK_NOT_FOUND': row(404, 'job_not_found', 'Job not found'),
  'CONVERSION.TASK_NOT_FINISHED': row(409, 'job_not_completed', 'The job is not completed'),
  'CONVERSION.TASK_FINISHED': row(409, 'job_not_cancelable', 'The job cannot be canceled'),
  'CONVERSION.PREFLIGHT_FAILED': row(503, 'preflight_unavailable', 'The model could not be examined', true),
  'CONVERSION.INPUT_CHANGED': internal,
};

const results: Record<ResultsErrorCode, Outward> = {
  'RESULTS.NOT_COMPLETED': row(409, 'job_not_completed', 'The job is not completed'),
  'RESULTS.EXPIRED': row(410, 'result_expired', 'Result expired'),
  'RESULTS.STORAGE_UNAVAILABLE': storage,
  'RESULTS.REPORT_NOT_FOUND': row(404, 'report_not_found', 'Report not found'),
};

const promote: Record<PromoteErrorCode, Outward> = {
  'PROMOTE.NOT_READY': row(409, 'promotion_not_ready', 'The job has nothing to promote yet'),
  'PROMOTE.NOT_CONFIGURED': {
    ...row(503, 'promotion_not_configured', 'No file archive is configured'),
    told: true,
  },
  'PROMOTE.NOT_FOUND': row(404, 'promotion_not_found', 'Promotion not found'),
  'PROMOTE.STORAGE_UNAVAILABLE': storage,
  'PROMOTE.FAA_UNAUTHORIZED': row(502, 'faa_unauthorized', 'The file archive refused our credentials'),
  'PROMOTE.FAA_TIMEOUT': row(504, 'faa_timeout', 'The file archive did not answer in time', true),
  'PROMOTE.FAA_UNAVAILABLE': row(503, 'faa_unavailable', 'The file archive is unavailable', true),
  'PROMOTE.FAA_REJECTED': row(502, 'faa_rejected', 'The file archive refused the file'),
};

const stores: Record<MongoErrorCode | ObjectStoreErrorCode, Outward> = {
  'MONGO.UNREACHABLE': database,
  'MONGO.URI_INVALID': internal,
  'MONGO.INDEX_STEP_FAILED': internal,
  'OBJECT_STORE.URL_INVALID': internal,
  'OBJECT_STORE.KEY_INVALID': internal,
  'OBJECT_STORE.NOT_FOUND': storage,
  'OBJECT_STORE.EXISTS': internal,
  'OBJECT_STORE.RETAINED': internal,
  'OBJECT_STORE.RETENTION_INVALID': internal,
  'OBJECT_STORE.RETENTION_UNSUPPORTED': internal,
  'OBJECT_STORE.ENCRYPTION_UNSUPPORTED': internal,
  'OBJECT_STORE.DIGEST_MISMATCH': internal,
  'OBJECT_STORE.SIZE_MISMATCH': internal,
  'OBJECT_STORE.CORRUPT': internal,
  'OBJECT_STORE.SOURCE_FAILED': row(400, 'upload_interrupted', 'Interrupted upload', true),
  'OBJECT_STORE.ABORTED': row(400, 'upload_interrupted', 'Interrupted upload', true),
  'OBJECT_STORE.TIMEOUT': storage,
  'OBJECT_STORE.FULL': storage,
  'OBJECT_STORE.DENIED': storage,
  'OBJECT_STORE.REFUSED': storage,
  'OBJECT_STORE.BUCKET_NOT_FOUND': storage,
  'OBJECT_STORE.UNAVAILABLE': storage,
};

/** The one table from the dotted codes inside to what leaves. */
export const statusOf: Readonly<Record<AppErrorCode, Outward>> = {
  ...http,
  ...identity,
  ...auditRows,
  ...jobs,
  ...conversion,
  ...results,
  ...promote,
  ...stores,
};

/** The row of a code; undefined for one that is not meant for the edge. */
export function outwardOf(code: string): Outward | undefined {
  return Object.hasOwn(statusOf, code) ? statusOf[code as AppErrorCode] : undefined;
}
