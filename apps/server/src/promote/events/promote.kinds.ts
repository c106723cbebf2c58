import { eventKinds } from '#libs/ledger';
import { TARGETS } from '../promote.types.js';

const target = { target: { oneOf: TARGETS }, sha256: 'digest', size_bytes: 'count' } as const;

/** `requested` before the first byte goes out, then one outcome for each target. */
export const promoteEventKinds = eventKinds({
  'promote.requested': { schema: 1, data: { targets: { list: { oneOf: TARGETS } } } },
  /** `already_there`: the archive had the same bytes, for instance since a crash between its answer and our record. */
  'promote.success': { schema: 1, data: { ...target, already_there: 'boolean' } },
  'promote.faa_put_failed': { schema: 1, data: { ...target, error_name: 'id' } },
  'promote.storage_failed': { schema: 1, data: { ...target, error_code: 'code' } },
  'promote.idempotent_hit': { schema: 1, data: { targets: { list: { oneOf: TARGETS } } } },
  'promote.not_ready': { schema: 1, data: { reason: 'code' } },
  'oauth.token_obtained': { schema: 1, data: { expires_in_sec: 'count', access_token_length: 'count' } },
  'oauth.token_endpoint_error': { schema: 1, data: { status: { optional: 'count' }, error_code: 'code' } },
});
