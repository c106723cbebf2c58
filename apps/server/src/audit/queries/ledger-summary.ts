import type { Head } from '../domain/entry.js';
import { FIRST_INCARNATION } from '../domain/origin.js';
import { originsOf, type Ledger } from '../storage/ledgers.store.js';
import type { LedgerSummary } from './list-ledgers.query.js';

export function ledgerSummary(ledger: Ledger, head: Head | null, publishedSize: number): LedgerSummary {
  const { _id: tenant, origin, state, suspended, former = [] } = ledger;
  return {
    tenant,
    origin,
    incarnation: FIRST_INCARNATION + originsOf(ledger).length - 1,
    state,
    size: (head?.seq ?? -1) + 1,
    published_size: publishedSize,
    created_at: ledger.created_at.toISOString(),
    ...(suspended && { suspended: { reason: suspended.reason, at: suspended.at.toISOString() } }),
    former: former.map((one) => ({ origin: one.origin, good_size: one.good_size, next_seq: one.next_seq })),
  };
}
