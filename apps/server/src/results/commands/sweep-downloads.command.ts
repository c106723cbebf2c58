import { Command } from '@nestjs/cqrs';

/** Ends downloads begun at least `ageMs` ago that never got an outcome as `unknown`. Resolves with their number. */
export class SweepDownloads extends Command<number> {
  constructor(readonly ageMs: number) {
    super();
  }
}
