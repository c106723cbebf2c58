import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Outboxes } from '#libs/mongo';
import { SealEvents } from '../../audit/index.js';
import { endedEvent } from '../domain/download.js';
import { DOWNLOADS, DownloadStore } from '../storage/download.store.js';
import { EndDownload } from './end-download.command.js';

@CommandHandler(EndDownload)
export class EndDownloadHandler implements ICommandHandler<EndDownload> {
  constructor(
    private readonly downloads: DownloadStore,
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
  ) {}

  async execute({ download, ending }: EndDownload): Promise<void> {
    const events = await this.commands.execute(new SealEvents([endedEvent(download, ending, new Date())]));
    await this.downloads.end(download.id, events);
    await this.outboxes.drain(DOWNLOADS, download.id);
    // If the process dies here, the relay finds nothing to do and the sweep forgets the record.
    await this.downloads.forget(download.id);
  }
}
