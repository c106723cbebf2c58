import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { parseEvent } from '#libs/ledger';
import { Outboxes, type OutboxEvent } from '#libs/mongo';
import { conversionEventKinds } from '../../conversion/index.js';
import { FinishJob } from '../commands/finish-job.command.js';

@Injectable()
export class FinishJobWhenConversionFinished implements OnModuleInit {
  constructor(
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
  ) {}

  onModuleInit(): void {
    this.outboxes.react({
      name: 'finish-job-when-conversion-finished',
      kind: conversionEventKinds['task.finished'].kind,
      run: (event) => this.run(event),
    });
  }

  private async run({ id, tenant, bytes }: OutboxEvent): Promise<void> {
    const { refs } = parseEvent(bytes);
    await this.commands.execute(new FinishJob(tenant, refs!.job_id!, id));
  }
}
