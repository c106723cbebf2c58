import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Verification } from '../verification/verification.types.js';
import { Verifications } from '../storage/verifications.store.js';
import { ListVerifications } from './list-verifications.query.js';

@QueryHandler(ListVerifications)
export class ListVerificationsHandler implements IQueryHandler<ListVerifications> {
  constructor(private readonly verifications: Verifications) {}

  async execute({ tenant, page }: ListVerifications): Promise<Verification[]> {
    return this.verifications.page(tenant, page);
  }
}
