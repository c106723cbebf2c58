import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { derivedId } from '#libs/kernel';
import { parseEvent } from '#libs/ledger';
import { Outboxes, type OutboxEvent } from '#libs/mongo';
import { jobsEventKinds } from '../../jobs/index.js';
import { CreateTask } from '../commands/create-task.command.js';

const NAME = 'create-task-when-job-submitted';

@Injectable()
export class CreateTaskWhenJobSubmitted implements OnModuleInit {
  constructor(
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
  ) {}

  onModuleInit(): void {
    this.outboxes.react({ name: NAME, kind: jobsEventKinds['job.created'].kind, run: (event) => this.run(event) });
  }

  private async run({ id, tenant, bytes }: OutboxEvent): Promise<void> {
    const { refs } = parseEvent(bytes);
    const [task, event] = [derivedId(id, NAME), derivedId(id, `${NAME}/task.created`)];
    await this.commands.execute(new CreateTask(task, tenant, refs!.job_id!, event));
  }
}
