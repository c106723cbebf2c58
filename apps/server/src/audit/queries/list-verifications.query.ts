import { Query } from '@nestjs/cqrs';
import type { Verification } from '../verification/verification.types.js';

/** Newest first and without their reports; `before` is the id of the last one of the page before. */
export class ListVerifications extends Query<Verification[]> {
  constructor(
    readonly tenant: string,
    readonly page: { before?: string | undefined; limit: number },
  ) {
    super();
  }
}
