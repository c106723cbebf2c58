import { Command } from '@nestjs/cqrs';

/** Removes what ReceiveUpload stored. Never rejects: what could not be removed is left to the sweep. */
export class DiscardUpload extends Command<void> {
  constructor(
    readonly tenant: string,
    readonly jobId: string,
  ) {
    super();
  }
}
