import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { LegalHold } from '../domain/legal-hold.types.js';

/** A hold, with how many archived batches lie in its time, and how many of them the cold store holds for its case. */
export interface HoldView extends LegalHold {
  batches: { covered: number; held: number };
}

/** Newest first; `before` is the id of the last one of the page before. Fails with AUDIT.OPERATOR_REQUIRED. */
export class ListHolds extends Query<HoldView[]> {
  constructor(
    readonly tenant: string,
    readonly page: { before?: string | undefined; limit: number },
    readonly requester: Requester,
  ) {
    super();
  }
}
