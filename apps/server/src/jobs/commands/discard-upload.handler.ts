import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { UploadStore } from '../storage/upload.store.js';
import { DiscardUpload } from './discard-upload.command.js';

@CommandHandler(DiscardUpload)
export class DiscardUploadHandler implements ICommandHandler<DiscardUpload> {
  constructor(private readonly uploads: UploadStore) {}

  async execute({ tenant, jobId }: DiscardUpload): Promise<void> {
    await this.uploads.discard(tenant, jobId);
  }
}
