import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import { assertOwnOrOperator } from '../operator.js';
import { RetentionReport } from '../retention/retention-report.js';
import type { RetentionView } from '../retention/retention-report.types.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { GetRetention } from './get-retention.query.js';

@QueryHandler(GetRetention)
export class GetRetentionHandler implements IQueryHandler<GetRetention> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly report: RetentionReport,
  ) {}

  async execute({ tenant, requester }: GetRetention): Promise<RetentionView> {
    assertOwnOrOperator(tenant, requester);
    // What is read is noted in its ledger, and whoever reads begins none but that of its own tenant.
    if (tenant !== requester.tenant && !(await this.ledgers.find(tenant))) {
      throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    }
    return this.report.of(tenant, new Date());
  }
}
