/**
 * Every field a line may have: a closed list. The logger drops and counts what is not on it, so a field that matters
 * is added here and, or a test fails, to docs/security/redaction-and-privacy.md.
 */
export interface LogFields {
  tenant_id?: string;
  project_id?: string;
  /** `service:<client id>`, `system:<part>`; a person only as a pseudonym. */
  actor?: string;
  /** The template (`/api/v1/jobs/:id`), never the path asked for. */
  route?: string;
  method?: string;
  resource?: string;
  trace_id?: string;
  span_id?: string;
  parent_span_id?: string;
  request_id?: string;
  correlation_id?: string;
  session_id?: string;
  job_id?: string;
  run_id?: string;
  task_id?: string;
  event_id?: string;
  event_kind?: string;
  client_id?: string;
  ok?: boolean;
  /** The HTTP status of the answer, or the exit code of a child process. */
  code?: number;
  /** Snake case or dotted, from a closed union. */
  error_code?: string;
  /** At most 100 characters after scrubbing. */
  error_message?: string;
  duration_ms?: number;
  bytes_in?: number;
  bytes_out?: number;
  decision_effect?: 'allow' | 'deny' | 'backpressure' | 'rate_limit';
  decision_reason?: string;
  rule_id?: string;
  policy_version?: string;
  source_ip?: string;
  token_fingerprint?: string;
  status?: string | number;
  mimetype?: string;
  api_key_length?: number;
  scope?: string;
  token_type?: string;
  expires_in_sec?: number;
  access_token_length?: number;
  source_id?: string;
  model_id?: string;
  artifact_id?: string;
  stage?: string;
  driver?: string;
  platform?: string;
  cost?: number;
  user_id?: string;
  /** Sanitised by the caller. */
  model_filename?: string;
  model_size_bytes?: number;
  ref_images_count?: number;
  internal_status?: string;
  external_status?: string;
  etag_match?: boolean;
  filter_status?: string;
  result_count?: number;
  target_count?: number;
  error_name?: string;
  object_key?: string;
  size_bytes?: number;
  filename_sent?: string;
  stream_completed?: boolean;
  attempts?: number;
  count?: number;
  url?: string;
  details?: { stack?: string };
}

/** Written by the logger itself. */
export const OWN_FIELDS = [
  'ts',
  'level',
  'service',
  'version',
  'env',
  'region',
  'instance_id',
  'action',
  'msg',
] as const;

const KINDS: { [Name in keyof Required<LogFields>]: 'string' | 'number' | 'boolean' | 'any' | 'details' } = {
  tenant_id: 'string',
  project_id: 'string',
  actor: 'string',
  route: 'string',
  method: 'string',
  resource: 'string',
  trace_id: 'string',
  span_id: 'string',
  parent_span_id: 'string',
  request_id: 'string',
  correlation_id: 'string',
  session_id: 'string',
  job_id: 'string',
  run_id: 'string',
  task_id: 'string',
  event_id: 'string',
  event_kind: 'string',
  client_id: 'string',
  ok: 'boolean',
  code: 'number',
  error_code: 'string',
  error_message: 'string',
  duration_ms: 'number',
  bytes_in: 'number',
  bytes_out: 'number',
  decision_effect: 'string',
  decision_reason: 'string',
  rule_id: 'string',
  policy_version: 'string',
  source_ip: 'string',
  token_fingerprint: 'string',
  status: 'any',
  mimetype: 'string',
  api_key_length: 'number',
  scope: 'string',
  token_type: 'string',
  expires_in_sec: 'number',
  access_token_length: 'number',
  source_id: 'string',
  model_id: 'string',
  artifact_id: 'string',
  stage: 'string',
  driver: 'string',
  platform: 'string',
  cost: 'number',
  user_id: 'string',
  model_filename: 'string',
  model_size_bytes: 'number',
  ref_images_count: 'number',
  internal_status: 'string',
  external_status: 'string',
  etag_match: 'boolean',
  filter_status: 'string',
  result_count: 'number',
  target_count: 'number',
  error_name: 'string',
  object_key: 'string',
  size_bytes: 'number',
  filename_sent: 'string',
  stream_completed: 'boolean',
  attempts: 'number',
  count: 'number',
  url: 'string',
  details: 'details',
};

/** The closed list as the reference page has it. */
export const FIELD_NAMES: readonly string[] = [
  ...OWN_FIELDS,
  ...Object.keys(KINDS).map((name) => (name === 'details' ? 'details.stack' : name)),
].sort();

/** What the list allows under this name; undefined for a name that is not on it. */
export function kindOf(name: string): (typeof KINDS)[keyof LogFields] | undefined {
  return Object.hasOwn(KINDS, name) ? KINDS[name as keyof LogFields] : undefined;
}
