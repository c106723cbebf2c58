import { eventKinds } from '#libs/ledger';

/** The object by the SHA-256 of its key, the file by that of its name: events hold neither paths nor names. */
const download = {
  object_key_sha256: 'digest',
  file_name_sha256: 'digest',
  artifact_sha256: 'digest',
  size_bytes: 'count',
} as const;

const outcome = {
  schema: 1,
  data: {
    ...download,
    sent_bytes: { optional: 'count' },
    stream_completed: 'boolean',
    duration_ms: 'count',
    error_code: { optional: 'code' },
  },
} as const;

/** A download is `started` before its first byte; one of the others follows, `unknown` after a crash. */
export const resultsEventKinds = eventKinds({
  'result.started': { schema: 1, data: download },
  'result.success': outcome,
  'result.storage_failed': outcome,
  'result.stream_error': outcome,
  'result.client_closed': outcome,
  'result.timeout': outcome,
  'result.unknown': outcome,
  'result.not_available': { schema: 1, data: { reason: { oneOf: ['job_not_completed', 'result_expired'] } } },
});
