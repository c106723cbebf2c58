import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';

/** One ledger, for the operator. */
export interface LedgerSummary {
  tenant: string;
  /** Of the incarnation that is written to. */
  origin: string;
  incarnation: number;
  state: 'open' | 'suspended';
  /** Entries in the store. */
  size: number;
  /** Of the newest published checkpoint; 0 while there is none. */
  published_size: number;
  created_at: string;
  suspended?: { reason: string; at: string };
  /** The incarnations before, oldest first. */
  former: { origin: string; good_size: number; next_seq: number }[];
}

/** Of all tenants and the service itself. Fails with AUDIT.OPERATOR_REQUIRED. */
export class ListLedgers extends Query<LedgerSummary[]> {
  constructor(readonly requester: Requester) {
    super();
  }
}
