import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Erasure } from '../erasure/erasure.types.js';
import { assertOperator } from '../operator.js';
import { Erasures } from '../storage/erasures.store.js';
import { ListErasures } from './list-erasures.query.js';

@QueryHandler(ListErasures)
export class ListErasuresHandler implements IQueryHandler<ListErasures> {
  constructor(private readonly erasures: Erasures) {}

  async execute({ tenant, page, requester }: ListErasures): Promise<Erasure[]> {
    assertOperator(requester);
    return this.erasures.page(tenant, page);
  }
}
