import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { RetentionReport } from '../retention/retention-report.js';
import type { RetentionView } from '../retention/retention-report.types.js';
import { GetRetention } from './get-retention.query.js';

@QueryHandler(GetRetention)
export class GetRetentionHandler implements IQueryHandler<GetRetention> {
  constructor(private readonly report: RetentionReport) {}

  async execute({ tenant }: GetRetention): Promise<RetentionView> {
    return this.report.of(tenant, new Date());
  }
}
