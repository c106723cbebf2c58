import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, hasCode } from '#libs/kernel';
import type { ObjectStore } from '#libs/object-store';
import type { Log, LogFields } from '#libs/telemetry';
import type { ChildLauncher } from '../child/child.launcher.js';
import type { ChildOutcome, ConversionChild } from '../child/child.process.js';
import type { ReportSummary, TaskArtifact } from '../conversion.types.js';
import { endingError, type ReportFigures, reportSummary } from '../domain/outcome.js';
import { progressAfter, STAGE_OF } from '../domain/progress.js';
import type { AttemptError, Task } from '../domain/task.js';
import { type ConversionResult, DRIVER, type DriverEvent, type VerdictThresholds } from '../driver/driver.types.js';
import { HeldTask, type HeldTaskTimes } from './held-task.js';
import { fetchInputs, storeArtifacts, storeLog, sweepWork, workPrefix } from './task-files.js';
import { TaskLog } from './task-log.js';
import type { TaskQueue } from './task-queue.js';

export interface RunLimits {
  timeMs: number;
  memoryBytes: number;
  cpus: number;
}

export interface RunPorts {
  queue: TaskQueue;
  readTask: (id: string) => Promise<Task | null>;
  launcher: ChildLauncher;
  objects: ObjectStore;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  times: HeldTaskTimes;
  limits: RunLimits;
  verdict?: VerdictThresholds;
}

type Conclusion =
  | { t: 'succeeded'; report: ReportSummary; artifacts: TaskArtifact[] }
  | { t: 'failed'; error: AttemptError; artifacts: TaskArtifact[] }
  | { t: 'canceled' }
  | { t: 'released' };

/** All files of a conversion: inputs, both models, the package. */
const FILE_BYTES_PER_MODEL_BYTE = 16;
const FILE_BYTES_LEAST = 256 * 1024 * 1024;
const WRITE_AGAIN_MS = 500;
const WRITES_WHEN_LEAVING = 4;

/** One attempt at one claimed task, from claim to conclusion. Never rejects. */
export class TaskRun {
  private readonly held: HeldTask;
  private readonly lines = new TaskLog();
  private readonly started = performance.now();
  private stages: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly task: Task,
    private readonly ports: RunPorts,
    private readonly leaving: AbortSignal,
  ) {
    this.held = new HeldTask(task, ports.queue, ports.times);
  }

  async run(): Promise<void> {
    const leave = () => this.held.interrupt('leaving');
    this.leaving.addEventListener('abort', leave, { once: true });
    try {
      const conclusion = await this.attempt();
      await this.stages;
      const ended = await this.persistently(() => this.write(conclusion));
      // If the process dies before this write, the lease runs out and another attempt makes its own outputs; if it
      // dies after it, the end is written and what is left to do is the relay's and the sweep's.
      if (ended?.state !== 'succeeded') await this.discardOutputs().catch(() => undefined); // else the sweep's
      this.report(conclusion, ended);
    } catch (error) {
      this.ports.log.error('conversion.abandoned', { ...this.fields(), error_code: codeOf(error) });
    } finally {
      this.leaving.removeEventListener('abort', leave);
      await this.held.stop();
    }
  }

  private async attempt(): Promise<Conclusion> {
    let child: ConversionChild | undefined;
    try {
      child = await this.ports.launcher.start();
      return await this.conclusion(child, await this.converted(child));
    } catch (error) {
      return this.interrupted() ?? { t: 'failed', error: faultOf(error), artifacts: [] };
    } finally {
      if (child) await this.ports.launcher.discard(child).catch(() => undefined);
    }
  }

  private async converted(child: ConversionChild): Promise<ChildOutcome> {
    const { task, held } = this;
    const files = await fetchInputs(task.input, join(child.folder, 'in'), this.ports.objects, held.signal);
    const fileBytes = FILE_BYTES_LEAST + FILE_BYTES_PER_MODEL_BYTE * task.input.model.bytes;
    const { limits: ours, verdict } = this.ports;
    const { timeMs, memoryBytes } = ours;
    const order = { t: 'convert', driver: DRIVER, jobId: task.job_id, input: task.input, files, limits: ours } as const;
    return child.run(
      { ...order, ...(verdict && { verdict }) },
      { limits: { timeMs, memoryBytes, fileBytes }, signal: held.signal, onEvent: (event) => this.follow(event) },
    );
  }

  private async conclusion(child: ConversionChild, outcome: ChildOutcome): Promise<Conclusion> {
    const interrupted = this.interrupted();
    if (interrupted) return interrupted;
    this.lines.addOutput(child.output);
    const { objects } = this.ports;
    if (outcome.t === 'ended') {
      const ending = outcome.why === 'canceled' ? 'crashed' : outcome.why;
      const error = { ...endingError(ending, outcome.detail), stage: await this.stage() };
      return { t: 'failed', error, artifacts: [await storeLog(this.task, String(this.lines), objects)] };
    }
    const result = outcome.value as ConversionResult<ReportFigures>;
    if (result.status === 'canceled') return { t: 'canceled' };
    const log = await storeLog(this.task, String(this.lines), objects);
    if (result.status === 'failed') {
      const { stage, message, ...error } = result.error;
      const cause = { ...error, stage: STAGE_OF[stage], message: message.slice(0, 500) };
      return { t: 'failed', error: cause, artifacts: [log] };
    }
    const report = reportSummary(result.report);
    const made = await storeArtifacts(this.task, result.artifacts, join(child.folder, 'work'), objects);
    if (!made.some(({ kind }) => kind === 'reference-package')) throw new TypeError('no package among the artifacts');
    return this.interrupted() ?? { t: 'succeeded', report, artifacts: [...made, log] };
  }

  private follow(event: DriverEvent): void {
    const progress = progressAfter(event);
    if (progress !== null) this.held.advance(progress);
    if (event.t === 'progress') return;
    this.lines.add(event);
    if (event.t !== 'stage' || event.state !== 'start') return;
    const stage = STAGE_OF[event.stage];
    this.stages = this.stages.then(() => this.persistently(() => this.ports.queue.stageStarted(this.task, stage)));
    this.stages.catch(() => undefined); // heard by whoever awaits the stages before the conclusion is written
  }

  private interrupted(): Conclusion | null {
    const why = this.held.interruption;
    if (why === undefined) return null;
    return why === 'canceled' ? { t: 'canceled' } : { t: 'released' };
  }

  private write(conclusion: Conclusion): Promise<Task | null> {
    const { queue } = this.ports;
    switch (conclusion.t) {
      case 'succeeded':
        return queue.succeeded(this.task, conclusion.report, conclusion.artifacts);
      case 'failed':
        return queue.failed(this.task, conclusion.error, conclusion.artifacts);
      case 'canceled':
        return queue.canceled(this.task);
      case 'released':
        return queue.released(this.task);
    }
  }

  /**
   * Tries until the store has answered or the task is no longer this holder's; the lease is renewed meanwhile, so
   * finished work is not thrown away because the database or the ledger is away for a while.
   */
  private async persistently<T>(write: () => Promise<T | null>): Promise<T | null> {
    for (let leavingTries = 0; ;) {
      if (this.held.interruption === 'lost') return null;
      try {
        return await write();
      } catch (error) {
        this.ports.log.warn('conversion.write_failed', { ...this.fields(), error_code: codeOf(error) });
        if (this.leaving.aborted && ++leavingTries >= WRITES_WHEN_LEAVING) throw error;
        await sleep(WRITE_AGAIN_MS);
      }
    }
  }

  /**
   * This attempt gave no result, or the task was no longer this holder's, or its own write was kept though reported
   * failed: the task says which, and what it names stays.
   */
  private async discardOutputs(): Promise<void> {
    const now = await this.ports.readTask(this.task.id);
    if (!now || (now.token === this.task.token && now.state === 'running')) return;
    await sweepWork(now, `${workPrefix(now)}${this.task.token}/`, this.ports.objects);
  }

  private async stage(): Promise<AttemptError['stage']> {
    await this.stages;
    const now = await this.ports.readTask(this.task.id);
    return now?.stages.find(({ state }) => state === 'running')?.stage ?? null;
  }

  private report(conclusion: Conclusion, ended: Task | null): void {
    const fields = { ...this.fields(), duration_ms: Math.round(performance.now() - this.started) };
    const { log } = this.ports;
    if (ended === null) log.warn('conversion.lost', fields);
    else if (conclusion.t === 'succeeded') log.info('conversion.succeeded', { ...fields, ok: true });
    else if (conclusion.t === 'failed') {
      const { class: name, code } = conclusion.error;
      const failure = { ...fields, ok: false, error_code: code, error_name: name };
      if (ended.state === 'queued') log.warn('conversion.retried', failure);
      else log.warn('conversion.failed', failure);
    } else log.info(conclusion.t === 'canceled' ? 'conversion.canceled' : 'conversion.released', fields);
  }

  private fields(): LogFields {
    const { id, tenant, job_id, user_id, request_id, trace_id, attempts, input } = this.task;
    return {
      task_id: id,
      tenant_id: tenant,
      job_id,
      ...(user_id !== undefined && { user_id }),
      ...(request_id !== undefined && { request_id }),
      ...(trace_id !== undefined && { trace_id }),
      attempts,
      platform: input.platform,
      driver: DRIVER,
    };
  }
}

/** A fault of ours or of what we stand on, while inputs came or outputs went. */
function faultOf(error: unknown): AttemptError {
  const common = { class: 'internal', stage: null } as const;
  if (hasCode(error, 'CONVERSION.INPUT_CHANGED')) {
    return { ...common, code: 'input_changed', message: 'an input is not what was uploaded', retryable: false };
  }
  if (hasCode(error, 'OBJECT_STORE.NOT_FOUND')) {
    return { ...common, code: 'input_missing', message: 'an input is no longer there', retryable: false };
  }
  return { ...common, code: 'worker_fault', message: `the worker failed (${codeOf(error)})`, retryable: true };
}
