import { CommandBus, CommandHandler, type ICommandHandler, QueryBus } from '@nestjs/cqrs';
import { Outboxes } from '#libs/mongo';
import { SealEvents } from '../../audit/index.js';
import { GetJob } from '../../jobs/index.js';
import { draftsOf } from '../domain/task-events.js';
import { queuedTask } from '../domain/task.js';
import { TASKS, TaskStore } from '../storage/task.store.js';
import { TaskBell } from '../worker/task-bell.js';
import { CreateTask } from './create-task.command.js';

@CommandHandler(CreateTask)
export class CreateTaskHandler implements ICommandHandler<CreateTask> {
  constructor(
    private readonly tasks: TaskStore,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly outboxes: Outboxes,
    private readonly bell: TaskBell,
  ) {}

  async execute({ id, tenant, jobId, eventId }: CreateTask): Promise<void> {
    const job = await this.queries.execute(new GetJob(tenant, jobId));
    const { project, user_id, request_id, trace_id, conversion } = job;
    const { task, facts } = queuedTask(
      id,
      {
        tenant,
        ...(project !== undefined && { project }),
        job_id: jobId,
        user_id,
        ...(request_id !== undefined && { request_id }),
        ...(trace_id !== undefined && { trace_id }),
        input: conversion,
      },
      await this.tasks.now(),
    );
    const drafts = draftsOf(task, facts).map((draft) => ({ ...draft, id: eventId }));
    // If the process dies before the insert, the reaction runs again; if after it, the insert finds the task there.
    await this.tasks.insert(task, await this.commands.execute(new SealEvents(drafts)));
    await this.outboxes.drain(TASKS, id).catch(() => undefined); // told by the outboxes; the relay goes on
    this.bell.ring();
  }
}
