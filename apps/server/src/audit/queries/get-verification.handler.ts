import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import type { Verification } from '../verification/verification.types.js';
import { Verifications } from '../storage/verifications.store.js';
import { GetVerification } from './get-verification.query.js';

@QueryHandler(GetVerification)
export class GetVerificationHandler implements IQueryHandler<GetVerification> {
  constructor(private readonly verifications: Verifications) {}

  async execute({ tenant, id }: GetVerification): Promise<Verification> {
    const found = await this.verifications.find(tenant, id);
    if (found) return found;
    throw new AuditError('AUDIT.VERIFICATION_NOT_FOUND', 'there is no such verification');
  }
}
