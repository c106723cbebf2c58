import { Query } from '@nestjs/cqrs';
import type { Verification } from '../verification/verification.types.js';

/** Fails with AUDIT.VERIFICATION_NOT_FOUND. */
export class GetVerification extends Query<Verification> {
  constructor(
    readonly tenant: string,
    readonly id: string,
  ) {
    super();
  }
}
