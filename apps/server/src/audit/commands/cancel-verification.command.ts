import { Command } from '@nestjs/cqrs';
import type { Verification } from '../verification/verification.types.js';

/**
 * One that waits is canceled when this resolves, one that runs within seconds; nothing changes when it is over. Fails
 * with AUDIT.VERIFICATION_NOT_FOUND.
 */
export class CancelVerification extends Command<Verification> {
  constructor(
    readonly tenant: string,
    readonly id: string,
  ) {
    super();
  }
}
