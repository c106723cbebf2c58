import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { Erasure } from '../erasure/erasure.types.js';

/** Newest first; `before` is the id of the last one of the page before. Fails with AUDIT.OPERATOR_REQUIRED. */
export class ListErasures extends Query<Erasure[]> {
  constructor(
    readonly tenant: string,
    readonly page: { before?: string | undefined; limit: number },
    readonly requester: Requester,
  ) {
    super();
  }
}
