import { eventKinds } from '#libs/ledger';

/** Reasons a request was not let in, each counted in `auth.api_key.rejected`. */
export const REJECTIONS = [
  'missing',
  'ambiguous',
  'malformed',
  'unknown',
  'wrong_secret',
  'expired',
  'revoked',
] as const;

/** All but `access.denied` stand in the `system` ledger. */
export const identityEventKinds = eventKinds({
  'tenant.created': { schema: 1, data: {} },
  'api_key.created': { schema: 1, data: { tenant: 'id', client_id: 'id', kept_in: { oneOf: ['operator_key_file'] } } },
  'api_key.revoked': { schema: 1, data: { tenant: 'id', client_id: 'id', reason: { oneOf: ['key_file_lost'] } } },
  'config.api_key_enabled': { schema: 1, data: { tenant: 'id', client_id: 'id', api_key_length: 'count' } },
  'auth.api_key.not_configured': { schema: 1, data: { count: 'count', window_ms: 'count' } },
  /** One per window and source; `source` is absent in the one that sums up the sources beyond the most kept apart. */
  'auth.api_key.rejected': {
    schema: 1,
    data: {
      source: { optional: 'person' },
      window_ms: 'count',
      missing: 'count',
      ambiguous: 'count',
      malformed: 'count',
      unknown: 'count',
      wrong_secret: 'count',
      expired: 'count',
      revoked: 'count',
    },
  },
  'auth.api_key.first_used': { schema: 1, data: { tenant: 'id', client_id: 'id' } },
  /** One per window, credential and permission, in the tenant's own ledger. */
  'access.denied': { schema: 1, data: { permission: 'id', rule: 'code', count: 'count', window_ms: 'count' } },
});
