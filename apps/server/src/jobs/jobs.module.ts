import { Module, type OnModuleInit } from '@nestjs/common';
import { Outboxes } from '#libs/mongo';
import { AdvanceJobHandler } from './commands/advance-job.handler.js';
import { CancelJobHandler } from './commands/cancel-job.handler.js';
import { DiscardUploadHandler } from './commands/discard-upload.handler.js';
import { FinishJobHandler } from './commands/finish-job.handler.js';
import { ReceiveUploadHandler } from './commands/receive-upload.handler.js';
import { SettleJobHandler } from './commands/settle-job.handler.js';
import { SubmitJobHandler } from './commands/submit-job.handler.js';
import { SweepUploadsHandler } from './commands/sweep-uploads.handler.js';
import { JobsController } from './http/jobs.controller.js';
import { GetJobHandler } from './queries/get-job.handler.js';
import { ListJobsHandler } from './queries/list-jobs.handler.js';
import { FinishJobWhenConversionFinished } from './reactions/finish-job-when-conversion-finished.js';
import { FollowJobWhenStageStarted } from './reactions/follow-job-when-stage-started.js';
import { JOBS, JobStore } from './storage/job.store.js';
import { UploadStore } from './storage/upload.store.js';
import { UploadsSweep } from './uploads.sweep.js';

@Module({
  controllers: [JobsController],
  providers: [
    JobStore,
    UploadStore,
    UploadsSweep,
    AdvanceJobHandler,
    CancelJobHandler,
    DiscardUploadHandler,
    FinishJobHandler,
    ReceiveUploadHandler,
    SettleJobHandler,
    SubmitJobHandler,
    SweepUploadsHandler,
    GetJobHandler,
    ListJobsHandler,
    FinishJobWhenConversionFinished,
    FollowJobWhenStageStarted,
  ],
})
export class JobsModule implements OnModuleInit {
  constructor(private readonly outboxes: Outboxes) {}

  onModuleInit(): void {
    this.outboxes.aggregate(JOBS);
  }
}
