import { Command } from '@nestjs/cqrs';
import type { JobStage } from '../jobs.types.js';

/** Shows the stage the conversion is at. No change once the job has ended. */
export class AdvanceJob extends Command<void> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly stage: JobStage,
  ) {
    super();
  }
}
