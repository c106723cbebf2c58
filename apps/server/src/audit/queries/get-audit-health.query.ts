import { Query } from '@nestjs/cqrs';

export interface AuditHealth {
  /** Tenants whose ledger takes no entries. */
  suspended: string[];
  /** How long the oldest entry that no checkpoint covers has waited; null when all are covered. */
  checkpoint_age_ms: number | null;
  /** How long a published checkpoint has waited for its slowest anchor; null when every configured one has all. */
  anchor_age_ms: number | null;
}

/** Of all ledgers; two looks at the ends of indexes for each. */
export class GetAuditHealth extends Query<AuditHealth> {}
