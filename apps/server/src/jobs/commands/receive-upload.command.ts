import { Command } from '@nestjs/cqrs';
import type { Upload, UploadPart } from '../upload.types.js';

/**
 * Stores the files of a submission while they arrive. When it rejects nothing of the upload is left; when it resolves
 * the files belong to the caller, who hands them to SubmitJob or DiscardUpload.
 */
export class ReceiveUpload extends Command<Upload> {
  constructor(
    readonly tenant: string,
    readonly parts: AsyncIterable<UploadPart>,
  ) {
    super();
  }
}
