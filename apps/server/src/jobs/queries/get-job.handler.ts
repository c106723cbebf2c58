import { QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { GetTaskProgress } from '../../conversion/index.js';
import { jobView } from '../domain/job.js';
import { JobsError } from '../jobs.errors.js';
import type { JobView } from '../jobs.types.js';
import { JobStore } from '../storage/job.store.js';
import { GetJob } from './get-job.query.js';

@QueryHandler(GetJob)
export class GetJobHandler implements IQueryHandler<GetJob> {
  constructor(
    private readonly jobs: JobStore,
    private readonly queries: QueryBus,
  ) {}

  async execute({ tenant, id }: GetJob): Promise<JobView> {
    const job = await this.jobs.find(tenant, id);
    if (!job) throw new JobsError('JOBS.NOT_FOUND', 'expected the id of a job, found no job of that id');
    const [progress] = await this.queries.execute(new GetTaskProgress(tenant, [id]));
    return jobView(job, progress);
  }
}
