import { QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { isUuidv7 } from '#libs/kernel';
import { GetTaskProgress } from '../../conversion/index.js';
import { jobView, statusesOf } from '../domain/job.js';
import { JobsError } from '../jobs.errors.js';
import { JobStore } from '../storage/job.store.js';
import { ListJobs, type JobPage } from './list-jobs.query.js';

@QueryHandler(ListJobs)
export class ListJobsHandler implements IQueryHandler<ListJobs> {
  constructor(
    private readonly jobs: JobStore,
    private readonly queries: QueryBus,
  ) {}

  async execute({ tenant, filter, limit, cursor }: ListJobs): Promise<JobPage> {
    const { status, ...same } = filter;
    const before = cursor === undefined ? undefined : idOf(cursor);
    const found = await this.jobs.list(
      tenant,
      { ...same, ...(status && { statuses: statusesOf(status) }), ...(before !== undefined && { before_id: before }) },
      limit + 1,
    );
    const jobs = found.slice(0, limit);
    const ids = jobs.map(({ id }) => id);
    const progress = ids.length > 0 ? await this.queries.execute(new GetTaskProgress(tenant, ids)) : [];
    const byJob = new Map(progress.map((one) => [one.job_id, one]));
    return {
      jobs: jobs.map((job) => jobView(job, byJob.get(job.id))),
      ...(found.length > limit && { next_cursor: cursorOf(jobs.at(-1)!.id) }),
    };
  }
}

/** Opaque to callers, so that what a page is cut by can change. */
function cursorOf(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function idOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (isUuidv7(id)) return id;
  const detail = 'expected a cursor that an earlier page gave';
  throw new JobsError('JOBS.INPUT_INVALID', `cursor: ${detail}`, {
    details: [{ pointer: '/cursor', code: 'cursor_invalid', detail }],
  });
}
