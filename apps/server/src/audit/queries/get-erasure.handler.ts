import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import type { Erasure } from '../erasure/erasure.types.js';
import { assertOperator } from '../operator.js';
import { Erasures } from '../storage/erasures.store.js';
import { GetErasure } from './get-erasure.query.js';

@QueryHandler(GetErasure)
export class GetErasureHandler implements IQueryHandler<GetErasure> {
  constructor(private readonly erasures: Erasures) {}

  async execute({ tenant, id, requester }: GetErasure): Promise<Erasure> {
    assertOperator(requester);
    const erasure = await this.erasures.find(tenant, id);
    if (erasure) return erasure;
    throw new AuditError('AUDIT.ERASURE_NOT_FOUND', `there is no erasure of this id in the ledger of ${tenant}`);
  }
}
