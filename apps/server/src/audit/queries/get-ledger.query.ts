import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { LedgerSummary } from './list-ledgers.query.js';

export interface LedgerDetail extends LedgerSummary {
  /** Of a suspended ledger: what an operator has to know, and to confirm, to open it anew. */
  store?: {
    /** The last signed tree that the store still has as a prefix; `root` in base64. Of size 0 when it has none. */
    good: { size: number; root: string };
    /** The largest tree known to be signed. */
    signed_size: number;
    /** How many entries follow one another from the first on. */
    follows_to: number;
    /** What does not follow after those; null when they are all there are. */
    broken: string | null;
  };
}

/**
 * Reads a suspended ledger whole. Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.LEDGER_NOT_FOUND or, where the marks of a
 * suspended ledger are not in this process's folder, AUDIT.KEYS_ELSEWHERE.
 */
export class GetLedger extends Query<LedgerDetail> {
  constructor(
    readonly tenant: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
