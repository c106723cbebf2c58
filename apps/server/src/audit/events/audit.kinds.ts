import { eventKinds } from '#libs/ledger';

/** `key_id`: as signature lines of the ledger name it; the `kid` of an event key; the id of a MAC's master key. */
const KEY = {
  key_id: 'id',
  purpose: { oneOf: ['note', 'cosignature', 'event', 'mac'] },
  ledger: { optional: 'code' },
} as const;

/** What this room says happened. */
export const auditEventKinds = eventKinds({
  /**
   * A key that this ledger is to be signed with. It signs no size up to `from_size`, and unless that is 0, none up to
   * that of the first checkpoint by another key over this entry. With `ledger`, in the system ledger: of that ledger.
   */
  'key.activated': {
    schema: 2,
    data: { ...KEY, public_key_sha256: { optional: 'digest' }, from_size: 'count' },
  },
  /** The key signed no size of the ledger above `to_size`, and its private half is gone. */
  'key.retired': { schema: 1, data: { ...KEY, to_size: 'count' } },
  /** Whoever else has the key: from this size on, what it signed counts only where an anchor dates it earlier. */
  'key.compromised': { schema: 1, data: { ...KEY, since_size: 'count' } },
  /** Hourly, in the system ledger: so that a whole ledger cannot vanish or shrink unseen. */
  'ledger.noted': { schema: 1, data: { ledger: 'code', size: 'count', root: 'digest', origin_sha256: 'digest' } },
  /** In the system ledger: the store is not what was signed of a ledger, which takes no entries until it is reopened. */
  'ledger.suspended': { schema: 1, data: { ledger: 'code' } },
  /**
   * The first entry of a ledger's incarnation after the first, by an operator. Of the incarnation before, `good_size`
   * and `good_root` are the last checkpoint that the store still has as a prefix, `signed_size` the largest tree known
   * to be signed: entries from `good_size` on up to this one were never proven, signed ones from here on are lost. With
   * `ledger`, in the system ledger: of that ledger.
   */
  'ledger.reopened': {
    schema: 1,
    data: {
      ledger: { optional: 'code' },
      incarnation: 'count',
      good_size: 'count',
      good_root: 'digest',
      signed_size: 'count',
      reason: 'code',
    },
  },
  /** Entries were read; once per credential, query and hour. */
  'audit.read': {
    schema: 1,
    data: {
      query: { oneOf: ['events', 'event', 'proof', 'consistency', 'checkpoint', 'checkpoints', 'tlog', 'anchors'] },
      filters: { list: 'code' },
    },
  },
  /** A ledger was verified; once per credential, verdict and hour. */
  'audit.verified': { schema: 1, data: { verdict: 'code', size: 'count', breaks: 'count', keys: 'code' } },
});
