import { Module, type OnModuleInit } from '@nestjs/common';
import { Outboxes } from '#libs/mongo';
import { BeginDownloadHandler } from './commands/begin-download.handler.js';
import { EndDownloadHandler } from './commands/end-download.handler.js';
import { SweepDownloadsHandler } from './commands/sweep-downloads.handler.js';
import { DownloadsSweep } from './downloads.sweep.js';
import { ResultsController } from './http/results.controller.js';
import { GetReportHandler } from './queries/get-report.handler.js';
import { DOWNLOADS, DownloadStore } from './storage/download.store.js';

@Module({
  controllers: [ResultsController],
  providers: [
    DownloadStore,
    DownloadsSweep,
    BeginDownloadHandler,
    EndDownloadHandler,
    SweepDownloadsHandler,
    GetReportHandler,
  ],
})
export class ResultsModule implements OnModuleInit {
  constructor(private readonly outboxes: Outboxes) {}

  onModuleInit(): void {
    this.outboxes.aggregate(DOWNLOADS);
  }
}
