import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { Erasure } from '../erasure/erasure.types.js';

/** Fails with AUDIT.OPERATOR_REQUIRED or AUDIT.ERASURE_NOT_FOUND. */
export class GetErasure extends Query<Erasure> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
