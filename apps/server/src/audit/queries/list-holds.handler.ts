import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { HoldKeeping } from '../holds/hold-keeping.js';
import { assertOperator } from '../operator.js';
import { LegalHolds } from '../storage/holds.store.js';
import { ListHolds, type HoldView } from './list-holds.query.js';

@QueryHandler(ListHolds)
export class ListHoldsHandler implements IQueryHandler<ListHolds> {
  constructor(
    private readonly holds: LegalHolds,
    private readonly keeping: HoldKeeping,
  ) {}

  async execute({ tenant, page, requester }: ListHolds): Promise<HoldView[]> {
    assertOperator(requester);
    const holds = await this.holds.page(tenant, page);
    return Promise.all(holds.map(async (hold) => ({ ...hold, batches: await this.keeping.batchesOf(hold) })));
  }
}
