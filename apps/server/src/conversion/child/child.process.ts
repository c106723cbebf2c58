import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverEvent } from '../driver/driver.types.js';
import { builtProgram } from './built-program.js';
import type { ChildOrder, FromChild, ToChild } from './child.types.js';
import { folderBytes } from './scratch.js';

/** What an ended child was worth. `detail` names signal, exit code or figures, never content. */
export type ChildOutcome =
  | { t: 'result'; value: unknown }
  | { t: 'ended'; why: 'canceled' | 'time_limit' | 'memory_limit' | 'output_limit' | 'crashed'; detail: string };

type Ending = Extract<ChildOutcome, { t: 'ended' }>;

export interface ChildLimits {
  timeMs: number;
  /** Resident memory, watched from outside: native memory escapes the limits of V8. */
  memoryBytes: number;
  /** All files in its folder together. */
  fileBytes: number;
}

const PROGRAM = builtProgram(import.meta.url, './conversion.child.js');

/** How long an aborted child may take to end by itself. */
const ABORT_GRACE_MS = 300;
const WATCH_EVERY_MS = 100;
const FOLDER_EVERY_TICKS = 10;
/** What a child may write to its two streams, and how much of it is kept. */
const STREAM_BYTES = 1024 * 1024;
const KEPT_BYTES = 16 * 1024;

/** One child process and its private folder. It is used for one order. */
export class ConversionChild {
  private readonly process: ChildProcess;
  private readonly closed: Promise<string>;
  private readonly kept: Buffer[] = [];
  private streamed = 0;
  private ending: Ending | undefined;
  private digest: string | undefined;
  private onEvent: (event: DriverEvent) => void = () => {};

  /** `isolation` are the words in front of the command; the environment holds nothing of ours. */
  constructor(
    readonly folder: string,
    isolation: readonly string[],
  ) {
    const [program = process.execPath, ...args] = [...isolation, process.execPath];
    this.process = spawn(program, [...args, PROGRAM, folder, String(process.pid)], {
      cwd: folder,
      env: childEnvironment(folder),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.closed = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(`not started: ${(error as NodeJS.ErrnoException).code ?? ''}`));
      this.process.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.process.on('message', (message: FromChild) => this.heard(message));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.streamedBytes(bytes));
    }
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get alive(): boolean {
    return this.process.connected && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The first bytes of what it printed. */
  get output(): string {
    return Buffer.concat(this.kept).toString('utf8');
  }

  /**
   * Gives the order and resolves when the process has ended, whatever ended it; never rejects. After an abort of
   * `signal` that takes less than a second even while the child is inside the runtime.
   */
  async run(
    order: ChildOrder,
    options: { limits: ChildLimits; signal?: AbortSignal; onEvent?: (event: DriverEvent) => void },
  ): Promise<ChildOutcome> {
    if (options.onEvent) this.onEvent = options.onEvent;
    const abort = () => this.abort();
    const timer = setTimeout(() => this.end('time_limit', `${options.limits.timeMs} ms`), options.limits.timeMs);
    const watch = this.watched(options.limits);
    options.signal?.addEventListener('abort', abort, { once: true });
    if (options.signal?.aborted) abort();
    this.tell(order);
    const how = await this.closed;
    clearTimeout(timer);
    clearInterval(watch);
    options.signal?.removeEventListener('abort', abort);
    return this.ending ?? (await this.result(how, options.limits));
  }

  /** Ends it, if it still runs, and removes its folder. */
  async discard(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.closed;
    await rm(this.folder, { recursive: true, force: true });
  }

  private async result(how: string, limits: ChildLimits): Promise<ChildOutcome> {
    const crashed: Ending = { t: 'ended', why: 'crashed', detail: how };
    if (this.digest === undefined) return crashed;
    const files = await folderBytes(this.folder);
    if (files > limits.fileBytes) return { t: 'ended', why: 'output_limit', detail: filesDetail(files, limits) };
    const bytes = await readFile(join(this.folder, 'result.json')).catch(() => Buffer.alloc(0));
    if (createHash('sha256').update(bytes).digest('hex') !== this.digest) return crashed;
    return { t: 'result', value: JSON.parse(bytes.toString('utf8')) as unknown };
  }

  private heard(message: FromChild): void {
    if (message.t === 'event') this.onEvent(message.event);
    if (message.t === 'done') this.digest = message.sha256;
  }

  private abort(): void {
    this.ending ??= { t: 'ended', why: 'canceled', detail: 'aborted' };
    this.tell({ t: 'abort' });
    setTimeout(() => this.process.kill('SIGKILL'), ABORT_GRACE_MS).unref();
  }

  private end(why: Ending['why'], detail: string): void {
    this.ending ??= { t: 'ended', why, detail };
    this.process.kill('SIGKILL');
  }

  private streamedBytes(bytes: Buffer): void {
    if (this.streamed < KEPT_BYTES) this.kept.push(bytes.subarray(0, KEPT_BYTES - this.streamed));
    this.streamed += bytes.length;
    if (this.streamed > STREAM_BYTES) this.end('output_limit', `more than ${STREAM_BYTES} bytes printed`);
  }

  private watched(limits: ChildLimits): NodeJS.Timeout {
    let ticks = 0;
    return setInterval(() => {
      void residentBytes(this.process.pid).then((bytes) => {
        if (bytes > limits.memoryBytes) this.end('memory_limit', `${bytes} of ${limits.memoryBytes} bytes resident`);
      });
      if (++ticks % FOLDER_EVERY_TICKS !== 0) return;
      void folderBytes(this.folder).then((bytes) => {
        if (bytes > limits.fileBytes) this.end('output_limit', filesDetail(bytes, limits));
      });
    }, WATCH_EVERY_MS);
  }

  private tell(message: ToChild): void {
    // A child that is gone is noticed by its end; what could not be sent to it does not matter.
    if (this.process.connected) this.process.send(message, () => {});
  }
}

function filesDetail(bytes: number, { fileBytes }: ChildLimits): string {
  return `${bytes} of ${fileBytes} bytes of files`;
}

/** Resident memory of a process by /proc; 0 where there is no /proc or the process is gone. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/**
 * All a child is told of its surroundings: where programs are, and a zone and folders that are the same everywhere. The
 * runtime sends telemetry and keeps an identifier on disk unless it is told not to before it loads.
 */
function childEnvironment(folder: string): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return { PATH, HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8', TZ: 'UTC', ORT_DISABLE_TELEMETRY: '1' };
}
