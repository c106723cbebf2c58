import { eventKinds } from '#libs/ledger';

/** `key_id`: as signature lines of the ledger name it; the `kid` of an event key; the id of a MAC's or archive's master key. */
const KEY = {
  key_id: 'id',
  purpose: { oneOf: ['note', 'cosignature', 'event', 'mac', 'archive'] },
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
      query: {
        oneOf: [
          'events',
          'event',
          'proof',
          'consistency',
          'checkpoint',
          'checkpoints',
          'tlog',
          'anchors',
          'archives',
          'retention',
        ],
      },
      filters: { list: 'code' },
    },
  },
  /** Entries were taken in bundles, as whoever copies or checks a log takes them; once per credential and hour. */
  'audit.exported': { schema: 1, data: { form: { oneOf: ['tlog'] } } },
  /** A ledger was verified; once per credential, verdict and hour. */
  'audit.verified': { schema: 1, data: { verdict: 'code', size: 'count', breaks: 'count', keys: 'code' } },
  /**
   * The key behind this pseudonym is destroyed: nobody can tell any more who the entries up to `size` name by it. The
   * receipt is in the cold store. `replayed`: again, after a backup that had it was restored.
   */
  'subject.erased': {
    schema: 1,
    data: {
      subject: 'digest',
      reason: 'code',
      erasure: 'id',
      receipt_sha256: 'digest',
      size: 'count',
      replayed: 'boolean',
    },
  },
  /**
   * For the case in `refs`, entries of [`since`, `until`) stay: neither retention nor erasure touches them. `subjects`:
   * of these persons alone; without them, of everyone.
   */
  'hold.placed': {
    schema: 1,
    data: {
      hold: 'id',
      subjects: { optional: { list: 'digest' } },
      since: { optional: 'time' },
      until: { optional: 'time' },
    },
  },
  'hold.released': { schema: 1, data: { hold: 'id' } },
  /** An operator had this ledger archived out of turn. */
  'archive.ordered': { schema: 1, data: { override: 'boolean' } },
  /** These entries are in the cold store, as the manifest of this digest says. The batch is in `refs`. */
  'archive.recorded': {
    schema: 1,
    data: { start_seq: 'count', end_seq: 'count', manifest_sha256: 'digest', lines_sha256: 'digest' },
  },
  /** The same entries have left hot storage. */
  'archive.deleted': { schema: 1, data: { start_seq: 'count', end_seq: 'count' } },
  /** Copies of these entries are in the database again until then, by an operator. The batch is in `refs`. */
  'archive.restored': { schema: 1, data: { start_seq: 'count', end_seq: 'count', until: 'time' } },
  /** The batch in `refs` was verified where it lies; once per credential, batch, verdict and hour. */
  'archive.verified': { schema: 1, data: { verdict: 'code', breaks: 'count', copy: 'boolean' } },
  /** The retention of an archived batch is over, and its objects are gone; the signed tombstone says what they were. */
  'archive.retired': {
    schema: 1,
    data: {
      start_seq: 'count',
      end_seq: 'count',
      manifest_sha256: 'digest',
      tombstone_sha256: 'digest',
      reason: { oneOf: ['retention'] },
      retention_days: 'count',
    },
  },
});
