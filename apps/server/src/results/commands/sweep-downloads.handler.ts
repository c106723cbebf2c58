import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DownloadStore } from '../storage/download.store.js';
import { EndDownload } from './end-download.command.js';
import { SweepDownloads } from './sweep-downloads.command.js';

@CommandHandler(SweepDownloads)
export class SweepDownloadsHandler implements ICommandHandler<SweepDownloads> {
  constructor(
    private readonly downloads: DownloadStore,
    private readonly commands: CommandBus,
  ) {}

  async execute({ ageMs }: SweepDownloads): Promise<number> {
    const abandoned = await this.downloads.abandoned(ageMs);
    for (const download of abandoned) await this.commands.execute(new EndDownload(download, { outcome: 'unknown' }));
    await this.downloads.forgetEnded();
    return abandoned.length;
  }
}
