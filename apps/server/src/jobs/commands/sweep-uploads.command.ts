import { Command } from '@nestjs/cqrs';

/** Removes the objects of uploads begun at least `ageMs` ago that became no job. Resolves with their number. */
export class SweepUploads extends Command<number> {
  constructor(readonly ageMs: number) {
    super();
  }
}
