import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, HttpCode, Param, Post, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { Caller, requesterOf, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { isKnownTag } from '../../http/etag.js';
import { annotate } from '../../http/request-context.js';
import { validated } from '../../http/validation.js';
import { CancelJob } from '../commands/cancel-job.command.js';
import { DiscardUpload } from '../commands/discard-upload.command.js';
import { ReceiveUpload } from '../commands/receive-upload.command.js';
import { SubmitJob } from '../commands/submit-job.command.js';
import type { JobRequest, JobView } from '../jobs.types.js';
import { GetJob } from '../queries/get-job.query.js';
import { ListJobs } from '../queries/list-jobs.query.js';
import type { Upload } from '../upload.types.js';
import { checkedParts } from './checked-parts.js';
import { etagOf, jobResource, type JobResource } from './job.resource.js';
import { listFilter, ListJobsDto } from './list-jobs.dto.js';
import { uploadParts } from './multipart.js';
import { jobRequest, plainFields, SubmitJobDto } from './submit-job.dto.js';

const RETRY_AFTER_S = 1;
const DEFAULT_LIMIT = 20;
const MAX_WAIT_S = 30;
const LOOK_EVERY_MS = 250;

@Controller('jobs')
export class JobsController implements OnModuleDestroy {
  private readonly leaving = new AbortController();

  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /** Whoever waits for a job is answered now. */
  onModuleDestroy(): void {
    this.leaving.abort();
  }

  @Post()
  @HttpCode(202)
  @RequireScope('jobs:write')
  @Action('jobs.created', { failed: 'jobs.create_failed', sensitive: true })
  async submit(
    @Caller() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobResource> {
    const parts = checkedParts(uploadParts(request));
    const upload = await this.commands.execute(new ReceiveUpload(caller.tenant, parts));
    const { model, images } = upload;
    annotate({ model_filename: model.name, model_size_bytes: model.bytes, ref_images_count: images.length });
    const wanted = await this.validatedOrDiscarded(caller.tenant, upload);
    annotate({ user_id: wanted.user_id, platform: wanted.platform });
    const job = await this.commands.execute(new SubmitJob(requesterOf(caller), upload, wanted));
    annotate({ job_id: job.id });
    response.setHeader('Location', `/api/v1/jobs/${job.id}`);
    response.setHeader('Retry-After', RETRY_AFTER_S);
    return jobResource(job);
  }

  @Get(':id')
  @RequireScope('jobs:read')
  @Action('jobs.get_one')
  async get(
    @Caller() { tenant }: Caller,
    @Param('id') id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobResource | undefined> {
    annotate({ job_id: id.slice(0, 64) });
    const job = await this.waitedFor(tenant, id, request, response);
    const resource = jobResource(job);
    const etag = etagOf(resource);
    response.setHeader('ETag', etag);
    response.setHeader('Cache-Control', 'private, no-cache');
    const etag_match = isKnownTag(request.header('if-none-match'), etag);
    annotate({ ...subject(job), etag_match });
    if (!etag_match) return resource;
    response.status(304);
    return undefined;
  }

  @Get()
  @RequireScope('jobs:read')
  @Action('jobs.list')
  async list(
    @Caller() { tenant }: Caller,
    @Query() query: ListJobsDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<{ items: JobResource[]; limit: number; next_cursor: string | null }> {
    const { limit = DEFAULT_LIMIT, cursor, status } = query;
    const page = await this.queries.execute(new ListJobs(tenant, listFilter(query), limit, cursor));
    annotate({ ...(status && { filter_status: status }), result_count: page.jobs.length });
    if (page.next_cursor !== undefined) response.setHeader('Link', nextLink(request, page.next_cursor, limit));
    return { items: page.jobs.map(jobResource), limit, next_cursor: page.next_cursor ?? null };
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @RequireScope('jobs:write')
  @Action('jobs.canceled', { failed: 'jobs.cancel_failed' })
  async cancel(@Caller() caller: Caller, @Param('id') id: string): Promise<JobResource> {
    annotate({ job_id: id.slice(0, 64) });
    const job = await this.commands.execute(new CancelJob(requesterOf(caller), id));
    annotate(subject(job));
    return jobResource(job);
  }

  private async validatedOrDiscarded(tenant: string, upload: Upload): Promise<JobRequest> {
    try {
      return jobRequest(validated(SubmitJobDto, plainFields(upload.fields)));
    } catch (error) {
      await this.commands.execute(new DiscardUpload(tenant, upload.job_id));
      throw error;
    }
  }

  /** `Prefer: wait=N` (RFC 7240 §4.3): answers when the job has ended, after N seconds, or when the caller is gone. */
  private async waitedFor(tenant: string, id: string, request: Request, response: Response): Promise<JobView> {
    const asked = /(?:^|[\s,;])wait=(\d{1,6})(?:$|[\s,;])/i.exec(request.header('prefer') ?? '')?.[1];
    const seconds = Math.min(Number(asked ?? 0), MAX_WAIT_S);
    const until = Date.now() + seconds * 1_000;
    let job = await this.queries.execute(new GetJob(tenant, id));
    if (asked !== undefined) response.setHeader('Preference-Applied', `wait=${seconds}`);
    const isOver = () => Date.now() >= until || response.destroyed || this.leaving.signal.aborted;
    while (['queued', 'running'].includes(job.external_status) && !isOver()) {
      const pause = Math.min(LOOK_EVERY_MS, Math.max(1, until - Date.now()));
      await sleep(pause, undefined, { signal: this.leaving.signal }).catch(() => undefined);
      job = await this.queries.execute(new GetJob(tenant, id));
    }
    return job;
  }
}

function subject({ user_id, status, external_status }: JobView) {
  return { user_id, internal_status: status, external_status };
}

/** RFC 8288, with the same filters. */
function nextLink(request: Request, cursor: string, limit: number): string {
  const url = new URL(request.originalUrl, 'http://localhost');
  url.searchParams.set('cursor', cursor);
  url.searchParams.set('limit', String(limit));
  return `<${url.pathname}${url.search}>; rel="next"`;
}
