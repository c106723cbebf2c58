import { Inject } from '@nestjs/common';
import { QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ObjectStore } from '#libs/object-store';
import { GetJob } from '../../jobs/index.js';
import { OBJECT_STORE } from '../../tokens.js';
import { ResultsError } from '../results.errors.js';
import { GetReport, type OpenReport } from './get-report.query.js';

@QueryHandler(GetReport)
export class GetReportHandler implements IQueryHandler<GetReport> {
  constructor(
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly queries: QueryBus,
  ) {}

  async execute({ tenant, jobId }: GetReport): Promise<OpenReport> {
    const job = await this.queries.execute(new GetJob(tenant, jobId));
    const { status, external_status, report_artifact: report } = job;
    if (status !== 'COMPLETED') {
      throw new ResultsError('RESULTS.NOT_COMPLETED', `expected a completed job, found one ${external_status}`);
    }
    if (!report) throw new ResultsError('RESULTS.REPORT_NOT_FOUND', 'expected a stored report, found none');
    const { key, bytes, sha256, file_name, media_type } = report;
    try {
      const { body } = await this.objects.get(key);
      return { bytes, sha256, file_name, media_type, body };
    } catch (cause) {
      throw new ResultsError('RESULTS.STORAGE_UNAVAILABLE', 'the report could not be opened', { cause });
    }
  }
}
