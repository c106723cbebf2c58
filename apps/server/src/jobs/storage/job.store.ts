import { Injectable } from '@nestjs/common';
import mongoose from 'mongoose';
import { uuidv7 } from '#libs/kernel';
import {
  isDuplicateKey,
  MongoStore,
  outboxOf,
  outboxSchemaFields,
  outboxUpdate,
  type OutboxEvent,
  type OutboxFields,
} from '#libs/mongo';
import { ACTIVE_STATUSES, type Finished } from '../domain/job.js';
import { JobsError } from '../jobs.errors.js';
import type { Job, JobStage, JobStatus } from '../jobs.types.js';

export const JOBS = 'jobs';

/** The name of the index that allows a user one active job. */
export const ONE_ACTIVE_JOB = 'one_active_job_per_user';

/** `active` is there while the status is one of ACTIVE_STATUSES: the unique index is partial on it. */
interface JobDocument extends Omit<Job, 'id'>, OutboxFields {
  _id: string;
  active?: true;
}

interface JobFilter {
  statuses?: JobStatus[];
  platform?: Job['platform'];
  user_id?: string;
  label?: string;
  created_after?: Date;
  created_before?: Date;
  /** Only jobs older than this one, by id. */
  before_id?: string;
}

const file = { key: String, bytes: Number, sha256: String };
const artifact = { kind: String, ...file, file_name: String, media_type: String };
const optional = (shape: Record<string, unknown>) => ({
  type: new mongoose.Schema(shape, { _id: false }),
  required: false,
});
const listOf = (shape: Record<string, unknown>) => [new mongoose.Schema(shape, { _id: false })];

const jobSchema = new mongoose.Schema(
  {
    _id: String,
    tenant: String,
    request_id: { type: String, required: false },
    trace_id: { type: String, required: false },
    user_id: String,
    project: { type: String, required: false },
    client_reference: { type: String, required: false },
    labels: [String],
    platform: String,
    priority: String,
    preprocess: { type: mongoose.Schema.Types.Mixed, required: false },
    input_shapes: { type: mongoose.Schema.Types.Mixed, required: false },
    status: String,
    active: { type: Boolean, required: false },
    model: optional({ ...file, name: String }),
    images: listOf({ ...file, input: String }),
    warnings: listOf({ code: String, message: String }),
    report: optional({ snr_db: Number, exact: Boolean, cosine: Number, size_ratio: Number, verdict: String }),
    artifact: optional(artifact),
    report_artifact: optional(artifact),
    error: optional({ class: String, code: String, stage: String, message: String }),
    created_at: Date,
    updated_at: Date,
    finished_at: { type: Date, required: false },
    ...(outboxSchemaFields as unknown as mongoose.SchemaDefinition),
  },
  { strict: 'throw', versionKey: false },
);

/** Jobs with the events they caused, each change one write. Trusted: who can write here can invent a job. */
@Injectable()
export class JobStore {
  private readonly jobs: mongoose.Model<JobDocument>;

  constructor(store: MongoStore) {
    this.jobs = store.connection.model<JobDocument>('Job', jobSchema, JOBS);
  }

  /**
   * Durable on return, with its events. Rejects with JOBS.USER_HAS_ACTIVE_JOB when the user has another one: the
   * unique index decides, so that of two that arrive together exactly one gets in.
   */
  async insert({ id, ...job }: Job, events: readonly OutboxEvent[]): Promise<void> {
    try {
      await this.jobs.create({ _id: id, ...job, active: true, ...outboxOf(events) });
    } catch (error) {
      if (!isDuplicateKey(error, 'user_id')) throw error;
      throw new JobsError('JOBS.USER_HAS_ACTIVE_JOB', 'expected no other active job of this user, found one', {
        cause: error,
      });
    }
  }

  async find(tenant: string, id: string): Promise<Job | null> {
    const found = await this.jobs.findOne({ _id: id, tenant }, HIDDEN).lean<JobDocument>();
    return found && jobOf(found);
  }

  /** Newest first. */
  async list(tenant: string, filter: JobFilter, limit: number): Promise<Job[]> {
    const { statuses, platform, user_id, label, created_after, created_before, before_id } = filter;
    const found = await this.jobs
      .find(
        {
          tenant,
          ...(statuses && { status: { $in: statuses } }),
          ...(platform !== undefined && { platform }),
          ...(user_id !== undefined && { user_id }),
          ...(label !== undefined && { labels: label }),
          ...((created_after ?? created_before) && {
            created_at: {
              ...(created_after && { $gte: created_after }),
              ...(created_before && { $lt: created_before }),
            },
          }),
          ...idRange(created_after, created_before, before_id),
        },
        HIDDEN,
      )
      .sort({ _id: -1 })
      .limit(limit)
      .lean<JobDocument[]>();
    return found.map(jobOf);
  }

  /** No change once the job has ended. */
  async advance(tenant: string, id: string, stage: JobStage, at: Date): Promise<void> {
    await this.jobs.updateOne({ _id: id, tenant, active: true }, { $set: { status: stage, updated_at: at } });
  }

  /** Ends an active job; false, with nothing changed, when it has ended already. */
  async finish(tenant: string, id: string, change: Finished, events: readonly OutboxEvent[]): Promise<boolean> {
    const { $push, $set } = outboxUpdate(events);
    const { matchedCount } = await this.jobs.updateOne(
      { _id: id, tenant, status: { $in: [...ACTIVE_STATUSES] } },
      { $set: { ...change, updated_at: change.finished_at, ...$set }, $unset: { active: 1 }, $push },
    );
    return matchedCount === 1;
  }
}

/** No upload lasts as long: an id is made when the upload begins, `created_at` when it has ended. */
const UPLOAD_MS = 3_600_000;

/** Ids begin with their time: the range of the index that can hold what was created then. */
function idRange(after?: Date, before?: Date, beforeId?: string): { _id?: { $gte?: string; $lt?: string } } {
  const ends = [before && firstIdAt(before.getTime()), beforeId].filter((id) => id !== undefined).sort();
  const _id = {
    ...(after && { $gte: firstIdAt(after.getTime() - UPLOAD_MS) }),
    ...(ends[0] !== undefined && { $lt: ends[0] }),
  };
  return Object.keys(_id).length > 0 ? { _id } : {};
}

/** Orders before every UUIDv7 of this millisecond or later, and behind every earlier one (RFC 9562 §5.7). */
function firstIdAt(unixMs: number): string {
  return uuidv7(Math.max(0, unixMs)).slice(0, 13);
}

/** What no one outside of the store sees. */
const HIDDEN = { active: 0, outbox: 0, outbox_due: 0, outbox_attempts: 0 } as const;

function jobOf({ _id, ...job }: JobDocument): Job {
  return { id: _id, ...job };
}
