import type { Break, VerificationReport } from '#libs/ledger';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';

/**
 * Why the entries of a batch are not to be relied on, by a report over its range or over more; undefined where they are.
 * What is wrong elsewhere in the ledger says nothing against it.
 */
export function objectionTo(
  { _id, startSeq, endSeq }: Pick<ArchiveBatch, '_id' | 'startSeq' | 'endSeq'>,
  {
    breaks,
    breaks_total: total,
    retired,
    batches,
  }: Pick<VerificationReport, 'breaks' | 'breaks_total' | 'retired' | 'batches'>,
): string | undefined {
  const within = (from: number, to: number): boolean => from <= endSeq && startSeq <= to;
  const concerns = ({ batch, class: kind, verdict, seq, seqs, from = seq, to = seq }: Break): boolean => {
    if (batch === _id) return true;
    if (verdict === 'cannot_check' && kind !== 'cannot_read') return false;
    if (seqs) return seqs.some((one) => within(one, one));
    return from === undefined || to === undefined || within(from, to);
  };
  const found = breaks.find(concerns);
  if (found) return found.reason;
  if (retired.some(({ from, to }) => within(from, to))) return 'its retention is over';
  if (total > breaks.length) return `of ${total} breaks only ${breaks.length} are listed`;
  return batches.verified === 0 ? 'it was not read' : undefined;
}
