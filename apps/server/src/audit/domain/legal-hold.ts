import { isUuidv7 } from '#libs/kernel';
import type { LedgerEvent } from '#libs/ledger';
import type { HoldTerms, LegalHold, Span } from './legal-hold.types.js';

/** Whether the hold lies on entries of this time. Whose they are does not count: a batch is kept whole or not at all. */
export const holdsSpan = ({ since, until }: Pick<LegalHold, 'since' | 'until'>, { minTs, maxTs }: Span): boolean =>
  (since === undefined || maxTs >= since) && (until === undefined || minTs < until);

/**
 * Whether the hold keeps a person from being erased: it names nobody else, and its time does not end before the person's
 * key was made, when no entry named the person yet.
 */
export const holdsSubject = (
  { subjects, until }: Pick<LegalHold, 'subjects' | 'until'>,
  { pseudonym, since }: { pseudonym: string; since: Date },
): boolean =>
  (subjects === undefined || subjects.includes(pseudonym)) && (until === undefined || since.toISOString() < until);

/** Each case once, in the order of letters: what is compared with what a batch record says. */
export const casesOf = (holds: readonly Pick<LegalHold, 'case_id'>[]): string[] =>
  [...new Set(holds.map(({ case_id }) => case_id))].sort();

/** What a `hold.placed` says; undefined for what is none of ours. */
export function holdIn({ scope: { tenant }, refs, data }: LedgerEvent): HoldTerms | undefined {
  const { hold, subjects, since, until } = data ?? {};
  if (typeof hold !== 'string' || !isUuidv7(hold) || refs?.case_id === undefined) return undefined;
  return {
    ...{ _id: hold, tenant, case_id: refs.case_id },
    ...(Array.isArray(subjects) && { subjects: subjects.map(String) }),
    ...(typeof since === 'string' && { since }),
    ...(typeof until === 'string' && { until }),
  };
}
