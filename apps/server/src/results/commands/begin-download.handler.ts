import { Inject } from '@nestjs/common';
import { CommandBus, CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import { codeOf, uuidv7 } from '#libs/kernel';
import { Outboxes } from '#libs/mongo';
import type { ObjectStore } from '#libs/object-store';
import { RecordFact, SealEvents, type Requester } from '../../audit/index.js';
import { annotate } from '../../http/request-context.js';
import { GetJob, SettleJob, type JobView } from '../../jobs/index.js';
import { OBJECT_STORE } from '../../tokens.js';
import { endedEvent, startedEvent } from '../domain/download.js';
import { Refusals } from '../domain/refusals.js';
import { ResultsError } from '../results.errors.js';
import type { Download, OpenDownload } from '../results.types.js';
import { DOWNLOADS, DownloadStore } from '../storage/download.store.js';
import { BeginDownload } from './begin-download.command.js';

@CommandHandler(BeginDownload)
export class BeginDownloadHandler implements ICommandHandler<BeginDownload> {
  private readonly refusals = new Refusals();

  constructor(
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly downloads: DownloadStore,
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  async execute({ requester, jobId }: BeginDownload): Promise<OpenDownload> {
    const job = await this.queries.execute(new GetJob(requester.tenant, jobId));
    annotate({ user_id: job.user_id });
    if (job.status === 'EXPIRED') {
      await this.refused(requester, job, 'result_expired');
      throw new ResultsError('RESULTS.EXPIRED', 'expected a result that is kept, found one that has expired');
    }
    if (job.status !== 'COMPLETED' || !job.artifact) {
      await this.refused(requester, job, 'job_not_completed');
      throw new ResultsError('RESULTS.NOT_COMPLETED', `expected a completed job, found one ${job.external_status}`);
    }
    await this.commands.execute(new SettleJob(job.id));
    const download = downloadOf(requester, job, job.artifact);
    const body = await this.opened(download);
    try {
      await this.downloads.begin(download, await this.commands.execute(new SealEvents([startedEvent(download)])));
      // If the process dies from here on, the download is found open and ended as unknown.
      await this.outboxes.drain(DOWNLOADS, download.id);
    } catch (error) {
      body.destroy();
      throw error;
    }
    return { ...download, body };
  }

  private async opened(download: Download) {
    try {
      const { body, sha256, bytes } = await this.objects.get(download.object_key);
      if (sha256 === download.sha256 && bytes === download.bytes) return body;
      body.destroy();
      throw new ResultsError('RESULTS.STORAGE_UNAVAILABLE', 'expected the artifact of the job, found another object');
    } catch (error) {
      const error_code = codeOf(error);
      const ended = endedEvent(download, { outcome: 'storage_failed', sent_bytes: 0, error_code }, new Date());
      await this.commands.execute(new RecordFact(ended));
      if (error instanceof ResultsError) throw error;
      throw new ResultsError('RESULTS.STORAGE_UNAVAILABLE', 'the artifact could not be opened', { cause: error });
    }
  }

  /** One durable entry per job, key and hour: nobody can force one for every refused request. */
  private async refused({ tenant, actor, request_id }: Requester, job: JobView, reason: string): Promise<void> {
    const key = [job.id, actor.id, actor.token_fingerprint, reason].join('/');
    if (!this.refusals.isFirst(key, Date.now())) return;
    const fact = {
      kind: 'result.not_available',
      scope: { tenant, ...(job.project !== undefined && { project: job.project }) },
      actor,
      refs: { job_id: job.id, ...(request_id !== undefined && { request_id }) },
      data: { reason },
    };
    await this.commands.execute(new RecordFact(fact));
  }
}

function downloadOf(requester: Requester, job: JobView, artifact: NonNullable<JobView['artifact']>): Download {
  const { key, bytes, sha256, file_name, media_type } = artifact;
  return {
    id: uuidv7(),
    ...requester,
    ...(job.project !== undefined && { project: job.project }),
    job_id: job.id,
    user_id: job.user_id,
    object_key: key,
    bytes,
    sha256,
    file_name,
    media_type,
  };
}
