import { eventKinds } from '#libs/ledger';

/** What this room says happened. */
export const auditEventKinds = eventKinds({
  /** A note key signs from this ledger size on. In the system ledger. */
  'key.activated': { schema: 1, data: { key_id: 'id', purpose: { oneOf: ['note'] }, public_key_sha256: 'digest' } },
  /** Hourly, in the system ledger: so that a whole ledger cannot vanish or shrink unseen. */
  'ledger.noted': { schema: 1, data: { ledger: 'code', size: 'count', root: 'digest', origin_sha256: 'digest' } },
  /** Entries were read; once per credential, query and hour. */
  'audit.read': {
    schema: 1,
    data: {
      query: { oneOf: ['events', 'event', 'proof', 'consistency', 'checkpoint', 'checkpoints', 'tlog'] },
      filters: { list: 'code' },
    },
  },
  /** A ledger was verified; once per credential, verdict and hour. */
  'audit.verified': { schema: 1, data: { verdict: 'code', size: 'count', breaks: 'count', keys: 'code' } },
});
