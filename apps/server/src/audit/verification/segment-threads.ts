import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { MongoStore } from '#libs/mongo';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import type { DigestedSegment, SegmentAnswer, SegmentTask, SegmentThreadStart } from '../storage/segment.worker.js';

/** A thread nobody asks is ended after this, in milliseconds. */
const IDLE_MS = 30_000;
/** Documents of one piece and what V8 makes of them; more is a fault, and ends the thread and not the process. */
const LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 };

interface Asked {
  task: SegmentTask;
  answer: (segment: DigestedSegment) => void;
  fail: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  busy: Asked | undefined;
}

/**
 * The threads that read and digest segments, for all verifications of this process; each works on one segment at a
 * time. Started when they are needed first.
 */
@Injectable()
export class SegmentThreads implements OnApplicationShutdown {
  readonly count: number;
  private readonly threads = new Set<Thread>();
  private readonly waiting: Asked[] = [];
  private idle: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    @Inject(MongoStore) private readonly store: Pick<MongoStore, 'uri' | 'connection'>,
    @Inject(Settings) { audit }: { audit: Pick<Settings['audit'], 'verifyThreads'> },
  ) {
    this.count = audit.verifyThreads || Math.max(1, availableParallelism() - 1);
  }

  /** Rejects with AUDIT.VERIFIER_THREAD_FAILED when the thread cannot read, or dies. */
  digest(task: SegmentTask): Promise<DigestedSegment> {
    return new Promise((answer, fail) => {
      if (this.closed) return fail(new AuditError('AUDIT.VERIFIER_THREAD_FAILED', 'the server is stopping'));
      this.waiting.push({ task, answer, fail });
      this.dispatch();
    });
  }

  /** After those that use them have stopped, which is when the modules are destroyed. */
  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idle);
    await Promise.all([...this.threads].map((thread) => this.end(thread)));
  }

  private dispatch(): void {
    clearTimeout(this.idle);
    while (this.waiting.length > 0) {
      const thread = this.freeThread();
      if (thread === undefined) return;
      thread.busy = this.waiting.shift();
      const { task } = thread.busy!;
      thread.worker.postMessage(task, task.archived ? [task.archived.lines.buffer] : []);
    }
    if ([...this.threads].every(({ busy }) => busy === undefined)) {
      this.idle = setTimeout(() => void this.endIdle(), IDLE_MS).unref();
    }
  }

  private freeThread(): Thread | undefined {
    const free = [...this.threads].find(({ busy }) => busy === undefined);
    return free ?? (this.threads.size < this.count ? this.started() : undefined);
  }

  private started(): Thread {
    const workerData: SegmentThreadStart = { uri: this.store.uri, database: this.store.connection.name };
    const worker = new Worker(workerFile(), { workerData, execArgv: [], resourceLimits: LIMITS });
    const thread: Thread = { worker, busy: undefined };
    this.threads.add(thread);
    worker.on('message', (answer: SegmentAnswer) => {
      const { busy } = thread;
      thread.busy = undefined;
      if ('error' in answer) busy?.fail(failure(answer.error));
      else busy?.answer(answer);
      this.dispatch();
    });
    worker.on('error', (cause) => this.lost(thread, cause));
    worker.on('exit', () => this.lost(thread, undefined));
    return thread;
  }

  private lost(thread: Thread, cause: unknown): void {
    this.threads.delete(thread);
    const { busy } = thread;
    thread.busy = undefined;
    busy?.fail(new AuditError('AUDIT.VERIFIER_THREAD_FAILED', 'a thread that verifies has ended', { cause }));
    if (!this.closed) this.dispatch();
  }

  private async endIdle(): Promise<void> {
    await Promise.all([...this.threads].filter(({ busy }) => busy === undefined).map((thread) => this.end(thread)));
  }

  private async end(thread: Thread): Promise<void> {
    this.threads.delete(thread);
    await thread.worker.terminate();
  }
}

function failure({ name, message }: { name: string; message: string }): AuditError {
  return new AuditError('AUDIT.VERIFIER_THREAD_FAILED', 'a thread that verifies could not read the store', {
    cause: Object.assign(new Error(message), { name }),
  });
}

/** A thread runs from the build, also where this file is compiled on the fly by the tests. */
function workerFile(): URL {
  const beside = new URL('../storage/segment.worker.js', import.meta.url);
  return existsSync(beside)
    ? beside
    : new URL('../../../../../dist/apps/server/src/audit/storage/segment.worker.js', import.meta.url);
}
