import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { RetentionReport } from '../archive/retention-report.js';
import type { RetentionView } from '../archive/retention-report.types.js';
import { GetRetention } from './get-retention.query.js';

@QueryHandler(GetRetention)
export class GetRetentionHandler implements IQueryHandler<GetRetention> {
  constructor(private readonly report: RetentionReport) {}

  async execute({ tenant }: GetRetention): Promise<RetentionView> {
    return this.report.of(tenant, new Date());
  }
}
