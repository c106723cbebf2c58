import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import type { Verification } from '../verification/verification.types.js';
import { Verifications } from '../storage/verifications.store.js';
import { CancelVerification } from './cancel-verification.command.js';

@CommandHandler(CancelVerification)
export class CancelVerificationHandler implements ICommandHandler<CancelVerification> {
  constructor(private readonly verifications: Verifications) {}

  async execute({ tenant, id }: CancelVerification): Promise<Verification> {
    const found = await this.verifications.cancel(tenant, id);
    if (found) return found;
    throw new AuditError('AUDIT.VERIFICATION_NOT_FOUND', 'there is no such verification');
  }
}
