import { Injectable } from '@nestjs/common';
import mongoose from 'mongoose';
import {
  isDuplicateKey,
  MongoStore,
  type OutboxEvent,
  type OutboxFields,
  outboxOf,
  outboxSchemaFields,
  outboxUpdate,
} from '#libs/mongo';
import type { TaskProgress } from '../conversion.types.js';
import { currentStage, isFinished, type Task, type Transition } from '../domain/task.js';

export const TASKS = 'tasks';

/** `lease_at`, `finished_at`: by the store's clock. `unswept` is there until the work of losing workers is removed. */
interface TaskDocument extends Omit<Task, 'id'>, OutboxFields {
  _id: string;
  lease_at?: Date;
  finished_at?: Date;
  unswept?: true;
}

const taskSchema = new mongoose.Schema(
  {
    _id: String,
    tenant: String,
    project: { type: String, required: false },
    job_id: String,
    user_id: { type: String, required: false },
    request_id: { type: String, required: false },
    trace_id: { type: String, required: false },
    input: mongoose.Schema.Types.Mixed,
    state: String,
    rev: Number,
    token: Number,
    attempts: Number,
    not_before: Date,
    worker: { type: String, required: false },
    cancel_requested: Boolean,
    progress: Number,
    stages: [mongoose.Schema.Types.Mixed],
    outcome: { type: mongoose.Schema.Types.Mixed, required: false },
    lease_at: { type: Date, required: false },
    finished_at: { type: Date, required: false },
    unswept: { type: Boolean, required: false },
    ...(outboxSchemaFields as unknown as mongoose.SchemaDefinition),
  },
  { strict: 'throw', versionKey: false, minimize: false },
);

const BATCH = 32;

/** Tasks with the events they caused, each transition one write. Trusted: who can write here can invent an outcome. */
@Injectable()
export class TaskStore {
  private readonly tasks: mongoose.Model<TaskDocument>;

  constructor(private readonly store: MongoStore) {
    this.tasks = store.connection.model<TaskDocument>('Task', taskSchema, TASKS);
  }

  /** The store's clock: the only one that decides when a lease or a waiting time is over. */
  now(): Promise<Date> {
    return this.store.now();
  }

  /** Durable on return, with its events; false when the task was there already. */
  async insert({ id, ...task }: Task, events: readonly OutboxEvent[]): Promise<boolean> {
    try {
      await this.tasks.create({ _id: id, ...task, ...outboxOf(events) });
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  async read(id: string): Promise<Task | null> {
    const found = await this.tasks.findOne({ _id: id }).lean<TaskDocument>();
    return found && taskOf(found);
  }

  async ofJob(tenant: string, jobId: string): Promise<Task | null> {
    const found = await this.tasks.findOne({ tenant, job_id: jobId }).lean<TaskDocument>();
    return found && taskOf(found);
  }

  async progressOf(tenant: string, jobIds: readonly string[]): Promise<TaskProgress[]> {
    const found = await this.tasks
      .find({ tenant, job_id: { $in: [...jobIds] } }, { job_id: 1, progress: 1, stages: 1 })
      .lean<Pick<TaskDocument, 'job_id' | 'progress' | 'stages'>[]>();
    return found.map(({ job_id, progress, stages }) => ({ job_id, stage: currentStage({ stages }), progress, stages }));
  }

  /**
   * The task to claim next: of the tenant after `tenant` in order, round and round, so that one tenant's many tasks
   * do not keep another's waiting; within a tenant the one that has waited longest.
   */
  async nextQueued(tenant: string): Promise<Task | null> {
    const due = { state: 'queued', not_before: { $lte: await this.now() } } as const;
    const order = { tenant: 1, not_before: 1 } as const;
    const found =
      (await this.tasks
        .findOne({ ...due, tenant: { $gt: tenant } })
        .sort(order)
        .lean<TaskDocument>()) ??
      (await this.tasks
        .findOne({ ...due, tenant: { $lte: tenant } })
        .sort(order)
        .lean<TaskDocument>());
    return found && taskOf(found);
  }

  /**
   * Applies a transition decided on `task`, with its events, as one write. Null, with nothing changed, when the task
   * has moved on; with `leaseBefore` also when its lease was renewed since.
   */
  async apply(
    task: Task,
    { set, lease }: Transition,
    events: readonly OutboxEvent[],
    leaseBefore?: Date,
  ): Promise<Task | null> {
    const outbox = outboxUpdate(events);
    const finishes = set.state !== undefined && isFinished(set.state);
    const rev = task.rev + 1;
    const { matchedCount } = await this.tasks.updateOne(
      { _id: task.id, rev: task.rev, ...(leaseBefore && { lease_at: { $lte: leaseBefore } }) },
      {
        $set: { ...set, rev, ...(finishes && { unswept: true }), ...outbox.$set },
        $push: outbox.$push,
        ...(lease === 'dropped' && { $unset: { worker: 1, lease_at: 1 } }),
        ...(finishes && { $currentDate: { finished_at: true } }),
        ...((lease === 'taken' || lease === 'kept') && { $currentDate: { lease_at: true } }),
      },
    );
    return matchedCount === 1 ? { ...task, ...set, rev } : null;
  }

  /** Renews the lease, and says how far the task is; false when the token is no longer the task's. */
  async renew(id: string, token: number, progress: number): Promise<boolean> {
    const { matchedCount } = await this.tasks.updateOne(
      { _id: id, token, state: 'running' },
      { $set: { progress }, $currentDate: { lease_at: true } },
    );
    return matchedCount === 1;
  }

  /** Whether the holder of this token should end its work; null when the token is no longer the task's. */
  async cancelFlag(id: string, token: number): Promise<boolean | null> {
    const found = await this.tasks
      .findOne({ _id: id, token, state: 'running' }, { cancel_requested: 1 })
      .lean<Pick<TaskDocument, 'cancel_requested'>>();
    return found && found.cancel_requested;
  }

  /** Running tasks whose lease was last renewed no later than `before`. */
  async expired(before: Date): Promise<Task[]> {
    const found = await this.tasks
      .find({ state: 'running', lease_at: { $lte: before } })
      .limit(BATCH)
      .lean<TaskDocument[]>();
    return found.map(taskOf);
  }

  /** Tasks that ended before and whose work folders were not looked through since. */
  async unswept(before: Date): Promise<Task[]> {
    const found = await this.tasks
      .find({ unswept: true, finished_at: { $lte: before } })
      .limit(BATCH)
      .lean<TaskDocument[]>();
    return found.map(taskOf);
  }

  async swept(id: string): Promise<void> {
    await this.tasks.updateOne({ _id: id }, { $unset: { unswept: 1 } });
  }
}

/** What the document holds besides the task. */
const STORE_FIELDS: ReadonlySet<string> = new Set([
  '_id',
  'lease_at',
  'finished_at',
  'unswept',
  'outbox',
  'outbox_due',
  'outbox_attempts',
]);

function taskOf(document: TaskDocument): Task {
  const own = Object.entries(document).filter(([name]) => !STORE_FIELDS.has(name));
  return { id: document._id, ...(Object.fromEntries(own) as Omit<Task, 'id'>) };
}
