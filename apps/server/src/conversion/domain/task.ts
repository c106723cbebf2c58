import type {
  ConversionInput,
  JobStage,
  ReportSummary,
  StageState,
  TaskArtifact,
  TaskError,
  TaskOutcome,
} from '../conversion.types.js';

export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';

/** The conversion of one job. `rev` grows with every transition, `token` with every claim. */
export interface Task {
  id: string;
  tenant: string;
  project?: string;
  job_id: string;
  /** Whose job it is: log lines about a job name both. */
  user_id?: string;
  /** Of the request that submitted the job: it travels with the task. */
  request_id?: string;
  /** The trace of that request. */
  trace_id?: string;
  input: ConversionInput;
  state: TaskState;
  rev: number;
  /** Fencing token: a worker's write that carries an older one is refused. */
  token: number;
  /** Attempts that count: a task given back unfinished has not used one. */
  attempts: number;
  /** No claim before this time of the store's clock. */
  not_before: Date;
  worker?: string;
  cancel_requested: boolean;
  progress: number;
  stages: StageState[];
  outcome?: Omit<TaskOutcome, 'job_id'>;
}

export interface Fact {
  kind: string;
  data: Record<string, unknown>;
  artifact_id?: string;
}

/**
 * A change of one task, to be applied only while the task still is the one it was decided on (same `rev`), in one
 * write with its facts.
 */
export interface Transition {
  set: Partial<Omit<Task, 'id' | 'tenant' | 'job_id' | 'rev'>>;
  /** `taken` and `kept` start the lease anew at the store's clock; `dropped` ends it. */
  lease: 'taken' | 'kept' | 'dropped' | 'untouched';
  facts: Fact[];
}

export interface RetryRule {
  maxAttempts: number;
  /** How long to wait before the next attempt, and when that is by the store's clock. */
  delayMs: number;
  notBefore: Date;
}

/** Why an attempt failed, and whether another one may fare better. */
export type AttemptError = TaskError & { retryable: boolean };

/** The task that a submitted job makes. */
export function queuedTask(
  id: string,
  job: Pick<Task, 'tenant' | 'project' | 'job_id' | 'user_id' | 'request_id' | 'trace_id' | 'input'>,
  now: Date,
): { task: Task; facts: Fact[] } {
  const task: Task = {
    id,
    ...job,
    state: 'queued',
    rev: 0,
    token: 0,
    attempts: 0,
    not_before: now,
    cancel_requested: false,
    progress: 0,
    stages: [],
  };
  const data = { platform: job.input.platform, references: job.input.references.length };
  return { task, facts: [{ kind: 'task.created', data }] };
}

export function isFinished(state: TaskState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'canceled';
}

/** A worker takes a queued task. */
export function claimed(task: Task, worker: string): Transition {
  const [token, attempts] = [task.token + 1, task.attempts + 1];
  return {
    set: { state: 'running', token, attempts, worker, progress: 0, stages: [] },
    lease: 'taken',
    facts: [{ kind: 'task.claimed', data: { token, attempt: attempts } }],
  };
}

/** The lease of a running task ran out. */
export function lost(task: Task, retry: RetryRule, at: Date): Transition {
  const fact: Fact = { kind: 'task.lost', data: attemptOf(task) };
  if (task.cancel_requested) return ended(task, { status: 'canceled', artifacts: [] }, at, [fact]);
  if (task.attempts < retry.maxAttempts) return requeued({ not_before: retry.notBefore }, [fact]);
  const message = `no worker finished the task in ${task.attempts} attempts`;
  return dead(task, { class: 'internal', code: 'worker_lost', stage: currentStage(task), message }, [], at, [fact]);
}

/** A worker that is leaving gives its task back; the attempt does not count. */
export function released(task: Task, at: Date): Transition {
  const fact: Fact = { kind: 'task.released', data: attemptOf(task) };
  if (task.cancel_requested) return ended(task, { status: 'canceled', artifacts: [] }, at, [fact]);
  return requeued({ attempts: task.attempts - 1 }, [fact]);
}

/** An attempt failed. Only what may pass is tried again, and only the classes the driver's contract allows. */
export function failed(
  task: Task,
  error: AttemptError,
  artifacts: TaskArtifact[],
  retry: RetryRule,
  at: Date,
): Transition {
  if (task.cancel_requested) return ended(task, { status: 'canceled', artifacts: [] }, at);
  const { retryable, ...cause } = error;
  const mayPass = retryable && (cause.class === 'internal' || cause.class === 'resource');
  if (!mayPass) return ended(task, { status: 'failed', error: cause, artifacts }, at);
  if (task.attempts >= retry.maxAttempts) return dead(task, cause, artifacts, at);
  const data = { ...attemptOf(task), error_code: cause.code, delay_ms: retry.delayMs };
  return requeued({ not_before: retry.notBefore }, [{ kind: 'task.retried', data }]);
}

/** The driver succeeded and its outputs are stored. A cancel that was asked for before wins. */
export function succeeded(task: Task, report: ReportSummary, artifacts: TaskArtifact[], at: Date): Transition {
  if (task.cancel_requested) return ended(task, { status: 'canceled', artifacts: [] }, at);
  return ended(task, { status: 'succeeded', report, artifacts }, at);
}

/** The worker has ended the conversion because it was asked to. */
export function canceled(task: Task, at: Date): Transition {
  return ended(task, { status: 'canceled', artifacts: [] }, at);
}

/** Somebody wants the task to end. Null when nothing changes: it was asked before, or the task has ended. */
export function cancelRequested(task: Task, at: Date): Transition | null {
  if (isFinished(task.state) || task.cancel_requested) return null;
  const fact: Fact = { kind: 'task.cancel_requested', data: {} };
  if (task.state === 'queued') return ended(task, { status: 'canceled', artifacts: [] }, at, [fact]);
  return { set: { cancel_requested: true }, lease: 'untouched', facts: [fact] };
}

/** The driver reached a stage of the job; the one before it is done. Null when it is there already. */
export function stageStarted(task: Task, stage: JobStage, at: Date): Transition | null {
  if (currentStage(task) === stage) return null;
  const { stages, facts } = stageFinished(task, true, at);
  return {
    set: { stages: [...stages, { stage, state: 'running', started_at: at.toISOString() }] },
    lease: 'kept',
    facts: [...facts, { kind: 'job.stage_started', data: { stage: stage.toLowerCase(), token: task.token } }],
  };
}

export function currentStage(task: Pick<Task, 'stages'>): JobStage | null {
  return task.stages.find(({ state }) => state === 'running')?.stage ?? null;
}

function stageFinished(task: Task, ok: boolean, at: Date): { stages: StageState[]; facts: Fact[] } {
  const running = task.stages.find(({ state }) => state === 'running');
  if (!running) return { stages: task.stages, facts: [] };
  const duration_ms = Math.max(0, at.getTime() - Date.parse(running.started_at));
  const finished: StageState = { ...running, state: ok ? 'done' : 'failed', finished_at: at.toISOString() };
  return {
    stages: task.stages.map((stage) => (stage === running ? finished : stage)),
    facts: [
      {
        kind: 'job.stage_finished',
        data: { stage: running.stage.toLowerCase(), token: task.token, ok, duration_ms },
      },
    ],
  };
}

/** The one way to an end: artifacts, the last stage and the end are one write. */
function ended(task: Task, outcome: Omit<TaskOutcome, 'job_id'>, at: Date, before: Fact[] = []): Transition {
  const { status, error, artifacts } = outcome;
  const { stages, facts } = stageFinished(task, status === 'succeeded', at);
  return {
    set: { state: status, stages, outcome, ...(status === 'succeeded' ? { progress: 1 } : {}) },
    lease: 'dropped',
    facts: [
      ...before,
      ...facts,
      ...artifacts.map(({ id, kind, sha256, bytes, vendor }) => ({
        kind: 'artifact.created',
        data: { kind, sha256, bytes, vendor },
        artifact_id: id,
      })),
      {
        kind: 'task.finished',
        data: { status, token: task.token, ...(error && { error_class: error.class, error_code: error.code }) },
      },
    ],
  };
}

function dead(task: Task, error: TaskError, artifacts: TaskArtifact[], at: Date, before: Fact[] = []): Transition {
  const fact: Fact = { kind: 'task.dead', data: { attempts: task.attempts, error_code: error.code } };
  return ended(task, { status: 'failed', error, artifacts }, at, [...before, fact]);
}

function requeued(set: Transition['set'], facts: Fact[]): Transition {
  return { set: { ...set, state: 'queued', progress: 0, stages: [] }, lease: 'dropped', facts };
}

function attemptOf({ token, attempts }: Task): { token: number; attempt: number } {
  return { token, attempt: attempts };
}
