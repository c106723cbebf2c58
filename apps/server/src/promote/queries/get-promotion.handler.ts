import { QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { GetJob } from '../../jobs/index.js';
import { PromoteError } from '../promote.errors.js';
import type { Promotion } from '../promote.types.js';
import { PromotionStore } from '../storage/promotion.store.js';
import { GetPromotion } from './get-promotion.query.js';

@QueryHandler(GetPromotion)
export class GetPromotionHandler implements IQueryHandler<GetPromotion> {
  constructor(
    private readonly promotions: PromotionStore,
    private readonly queries: QueryBus,
  ) {}

  async execute({ tenant, jobId }: GetPromotion): Promise<Promotion> {
    const job = await this.queries.execute(new GetJob(tenant, jobId));
    const found = await this.promotions.find(tenant, job.id);
    if (!found) throw new PromoteError('PROMOTE.NOT_FOUND', 'expected a promotion of this job, found none');
    return found;
  }
}
