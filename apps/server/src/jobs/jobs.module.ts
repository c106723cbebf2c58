import { Module, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { MongoStore, Outboxes, Sweep } from '#libs/mongo';
import { AdvanceJobHandler } from './commands/advance-job.handler.js';
import { CancelJobHandler } from './commands/cancel-job.handler.js';
import { DiscardUploadHandler } from './commands/discard-upload.handler.js';
import { FinishJobHandler } from './commands/finish-job.handler.js';
import { ReceiveUploadHandler } from './commands/receive-upload.handler.js';
import { SettleJobHandler } from './commands/settle-job.handler.js';
import { SubmitJobHandler } from './commands/submit-job.handler.js';
import { SweepUploads } from './commands/sweep-uploads.command.js';
import { SweepUploadsHandler } from './commands/sweep-uploads.handler.js';
import { JobsController } from './http/jobs.controller.js';
import { GetJobHandler } from './queries/get-job.handler.js';
import { ListJobsHandler } from './queries/list-jobs.handler.js';
import { FinishJobWhenConversionFinished } from './reactions/finish-job-when-conversion-finished.js';
import { FollowJobWhenStageStarted } from './reactions/follow-job-when-stage-started.js';
import { JOBS, JobStore } from './storage/job.store.js';
import { UploadStore } from './storage/upload.store.js';

/** No upload lasts so long: the server ends a request that has not arrived after half of it. */
const ABANDONED_AFTER_MS = 3_600_000;

@Module({
  controllers: [JobsController],
  providers: [
    JobStore,
    UploadStore,
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
export class JobsModule implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweep: Sweep;

  constructor(
    private readonly outboxes: Outboxes,
    store: MongoStore,
    commands: CommandBus,
  ) {
    this.sweep = new Sweep(store, ABANDONED_AFTER_MS, (ageMs) => commands.execute(new SweepUploads(ageMs)));
  }

  onModuleInit(): void {
    this.outboxes.aggregate(JOBS);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.sweep.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.sweep.stop();
  }
}
