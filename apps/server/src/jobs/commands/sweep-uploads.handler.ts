import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { JobStore } from '../storage/job.store.js';
import { UploadStore } from '../storage/upload.store.js';
import { SweepUploads } from './sweep-uploads.command.js';

@CommandHandler(SweepUploads)
export class SweepUploadsHandler implements ICommandHandler<SweepUploads> {
  constructor(
    private readonly jobs: JobStore,
    private readonly uploads: UploadStore,
  ) {}

  async execute({ ageMs }: SweepUploads): Promise<number> {
    let removed = 0;
    for (const { tenant, jobId } of await this.uploads.abandoned(ageMs)) {
      if (await this.jobs.find(tenant, jobId)) await this.uploads.end(jobId);
      else {
        await this.uploads.discard(tenant, jobId);
        removed += 1;
      }
    }
    return removed;
  }
}
