import { CommandBus, CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import type { ErrorDetail } from '#libs/kernel';
import { Outboxes } from '#libs/mongo';
import { SealEvents } from '../../audit/index.js';
import { PreflightModel } from '../../conversion/index.js';
import { Settings } from '../../settings.js';
import { conversionInput } from '../domain/job.js';
import { imageFaults, queuedJob, refusals, submissionEvents, submissionWarnings } from '../domain/submission.js';
import { JobsError } from '../jobs.errors.js';
import type { Job, JobView } from '../jobs.types.js';
import { GetJob } from '../queries/get-job.query.js';
import { JOBS, JobStore } from '../storage/job.store.js';
import { UploadStore } from '../storage/upload.store.js';
import { SubmitJob } from './submit-job.command.js';

@CommandHandler(SubmitJob)
export class SubmitJobHandler implements ICommandHandler<SubmitJob> {
  constructor(
    private readonly jobs: JobStore,
    private readonly uploads: UploadStore,
    private readonly settings: Settings,
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  async execute(command: SubmitJob): Promise<JobView> {
    const { tenant, actor } = command.requester;
    const { job_id } = command.upload;
    const { job, events } = await this.discardingOnFailure(tenant, job_id, async () => {
      const accepted = await this.accepted(command);
      const drafts = submissionEvents(accepted, actor);
      return { job: accepted, events: await this.commands.execute(new SealEvents(drafts)) };
    });
    try {
      await this.jobs.insert(job, events);
    } catch (error) {
      // Another failure than this leaves open whether the job is there: then the sweep decides, not we.
      if (error instanceof JobsError) await this.uploads.discard(tenant, job_id);
      throw error;
    }
    // If the process dies here, the relay drains the job and the sweep finds the upload of a job that is there.
    await this.uploads.end(job_id).catch(() => undefined);
    await this.outboxes.drain(JOBS, job_id).catch(() => undefined); // told by the outboxes; the relay goes on
    return this.queries.execute(new GetJob(tenant, job_id));
  }

  private async accepted({ requester, upload, request }: SubmitJob): Promise<Job> {
    const { model, images, job_id } = upload;
    if (images.length === 0 && this.settings.jobs.requireRefImages) {
      const detail = 'expected at least one reference image, found none';
      throw inputInvalid([{ pointer: '/ref_images', code: 'required', detail }]);
    }
    const input = conversionInput({ ...request, model, images });
    const { issues, inputs } = await this.commands.execute(new PreflightModel(input));
    const names = inputs.map(({ name }) => name);
    const faults = names.length > 0 ? imageFaults(images, names) : [];
    if (faults.length > 0) throw inputInvalid(faults);
    const refused = refusals(issues);
    if (refused.length > 0) throw new JobsError('JOBS.MODEL_REFUSED', refused[0]!.detail, { details: refused });
    const warnings = submissionWarnings(issues, images);
    return queuedJob(job_id, requester, request, { model, images, warnings }, new Date());
  }

  private async discardingOnFailure<T>(tenant: string, jobId: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      await this.uploads.discard(tenant, jobId);
      throw error;
    }
  }
}

function inputInvalid(details: ErrorDetail[]): JobsError {
  return new JobsError('JOBS.INPUT_INVALID', details[0]!.detail, { details });
}
