import { Module, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { MongoStore, Outboxes, Sweep } from '#libs/mongo';
import { Settings } from '../settings.js';
import { BeginDownloadHandler } from './commands/begin-download.handler.js';
import { EndDownloadHandler } from './commands/end-download.handler.js';
import { SweepDownloads } from './commands/sweep-downloads.command.js';
import { SweepDownloadsHandler } from './commands/sweep-downloads.handler.js';
import { ResultsController } from './http/results.controller.js';
import { GetReportHandler } from './queries/get-report.handler.js';
import { DOWNLOADS, DownloadStore } from './storage/download.store.js';

@Module({
  controllers: [ResultsController],
  providers: [DownloadStore, BeginDownloadHandler, EndDownloadHandler, SweepDownloadsHandler, GetReportHandler],
})
export class ResultsModule implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweep: Sweep;

  constructor(
    private readonly outboxes: Outboxes,
    { results }: Settings,
    store: MongoStore,
    commands: CommandBus,
  ) {
    // Twice as long as a download may take: its own process has recorded the outcome long before.
    const abandonedAfterMs = 2 * results.timeoutMs + 60_000;
    this.sweep = new Sweep(store, abandonedAfterMs, (ageMs) => commands.execute(new SweepDownloads(ageMs)));
  }

  onModuleInit(): void {
    this.outboxes.aggregate(DOWNLOADS);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.sweep.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.sweep.stop();
  }
}
