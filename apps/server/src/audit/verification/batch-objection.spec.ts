import type { Break } from '#libs/ledger';
import { objectionTo } from './batch-objection.js';

const BATCH = { _id: 'b', startSeq: 256, endSeq: 511 };
const told = (over: Partial<Break>): Break => ({
  class: 'edited',
  located: 'seq',
  last_good_seq: null,
  first_good_seq_after: null,
  verdict: 'proven_tampering',
  reason: 'why',
  ...over,
});
const reportOf = (breaks: Break[], over = {}) => ({
  ...{ breaks, breaks_total: breaks.length, retired: [], batches: { expected: 3, read: 2, verified: 2 } },
  ...over,
});

describe('what speaks against a batch', () => {
  it.each<[string, Partial<Break>]>([
    ['an entry before it', { seq: 255 }],
    ['an entry after it', { seq: 512 }],
    ['another batch', { batch: 'a', from: 0, to: 255 }],
    ['entries that changed places elsewhere', { seqs: [3, 600] }],
    ['a key that cannot be checked', { class: 'key_unknown', verdict: 'cannot_check' }],
  ])('is nothing that concerns %s', (_what, found) => {
    expect(objectionTo(BATCH, reportOf([told(found)]))).toBeUndefined();
  });

  it.each<[string, Partial<Break>]>([
    ['its first entry', { seq: 256 }],
    ['a range that reaches into it', { from: 500, to: 600, located: 'interval' }],
    ['one of several entries', { seqs: [3, 511] }],
    ['itself, wherever that lies', { batch: 'b', from: 0, to: 0, verdict: 'cannot_check' }],
    ['entries of it that could not be read', { class: 'cannot_read', from: 300, to: 300, verdict: 'cannot_check' }],
    ['no place that can be told', { class: 'checkpoint_invalid', verdict: 'inconsistent' }],
  ])('is what concerns %s', (_what, found) => {
    expect(objectionTo(BATCH, reportOf([told({ seq: 7 }), told(found)]))).toBe('why');
  });

  it('is that it has retired, that it was not read, and that not all is listed', () => {
    expect(objectionTo(BATCH, reportOf([], { retired: [{ from: 0, to: 255 }] }))).toBeUndefined();
    expect(objectionTo(BATCH, reportOf([], { retired: [{ from: 0, to: 256 }] }))).toBe('its retention is over');
    expect(objectionTo(BATCH, reportOf([], { batches: { expected: 1, read: 0, verified: 0 } }))).toBe(
      'it was not read',
    );
    expect(objectionTo(BATCH, reportOf([], { breaks_total: 1_001 }))).toBe('of 1001 breaks only 0 are listed');
  });
});
