import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { parseEvent, type DataOf } from '#libs/ledger';
import { Outboxes, type OutboxEvent } from '#libs/mongo';
import { conversionEventKinds } from '../../conversion/index.js';
import { AdvanceJob } from '../commands/advance-job.command.js';
import type { JobStage } from '../jobs.types.js';

@Injectable()
export class FollowJobWhenStageStarted implements OnModuleInit {
  constructor(
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
  ) {}

  onModuleInit(): void {
    this.outboxes.react({
      name: 'follow-job-when-stage-started',
      kind: conversionEventKinds['job.stage_started'].kind,
      run: (event) => this.run(event),
    });
  }

  private async run({ tenant, bytes }: OutboxEvent): Promise<void> {
    const { refs, data } = parseEvent(bytes);
    const { stage } = data as DataOf<(typeof conversionEventKinds)['job.stage_started']>;
    await this.commands.execute(new AdvanceJob(tenant, refs!.job_id!, stage.toUpperCase() as JobStage));
  }
}
