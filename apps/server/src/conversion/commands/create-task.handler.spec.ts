import type { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Outboxes } from '#libs/mongo';
import type { EventDraft, SealEvents } from '../../audit/index.js';
import { inContext, newRequestContext } from '../../http/request-context.js';
import type { GetJob } from '../../jobs/index.js';
import { MemoryTaskStore } from '../storage/memory-task.store.fixture.js';
import type { TaskStore } from '../storage/task.store.js';
import { TaskBell } from '../worker/task-bell.js';
import { sealed, taskOf } from '../worker/task-queue.fixture.js';
import { CreateTask } from './create-task.command.js';
import { CreateTaskHandler } from './create-task.handler.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('CreateTask', () => {
  const { input } = taskOf('t1', 'acme', new Date());
  const job = { tenant: 'acme', user_id: 'u1', request_id: 'r1', trace_id: TRACE, conversion: input };
  let tasks: MemoryTaskStore;
  let drafts: EventDraft[];
  let handler: CreateTaskHandler;

  beforeEach(() => {
    tasks = new MemoryTaskStore();
    drafts = [];
    const commands = {
      execute: async (command: SealEvents) => {
        drafts.push(...command.drafts);
        return command.drafts.map(sealed);
      },
    };
    const queries = { execute: async ({ id }: GetJob) => ({ ...job, id }) };
    handler = new CreateTaskHandler(
      tasks as unknown as TaskStore,
      commands as unknown as CommandBus,
      queries as unknown as QueryBus,
      { drain: async () => {} } as unknown as Outboxes,
      new TaskBell(),
    );
  });

  const create = () => handler.execute(new CreateTask('t1', 'acme', 'j1', '0190a0b0-0000-7000-8000-000000000000'));

  it.each([
    ['by the relay, outside of every request', create],
    ['within another request', () => inContext(newRequestContext({ requestId: 'r2' }), create)],
  ])("continues the trace of the job's own request when it runs %s", async (_where, run) => {
    await run();
    expect(await tasks.read('t1')).toMatchObject({ request_id: 'r1', trace_id: TRACE });
    expect(drafts).toMatchObject([{ kind: 'task.created', refs: { request_id: 'r1', trace_id: TRACE } }]);
  });
});
