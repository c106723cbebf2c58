import { Command } from '@nestjs/cqrs';
import type { Download, DownloadOutcome } from '../results.types.js';

/** Records how a download ended; a second end is no change. */
export class EndDownload extends Command<void> {
  constructor(
    readonly download: Download,
    readonly ending: {
      outcome: DownloadOutcome;
      /** Bytes handed to the connection; absent where nobody knows. */
      sent_bytes?: number;
      error_code?: string;
    },
  ) {
    super();
  }
}
