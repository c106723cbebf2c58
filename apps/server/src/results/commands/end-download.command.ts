import { Command } from '@nestjs/cqrs';
import type { Download, Ending } from '../results.types.js';

/** Records how a download ended; a second end is no change. */
export class EndDownload extends Command<void> {
  constructor(
    readonly download: Download,
    readonly ending: Ending,
  ) {
    super();
  }
}
