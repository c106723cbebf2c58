import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact, ArtifactKind, Issue, RunContext, Stage } from '../../driver/driver.types.js';
import { sha256Of } from './package.js';

/** One run of the driver: tells its stages, times them, and writes its artifacts. */
export class StageRun {
  current: Stage = 'validate';
  readonly timings: Record<string, number> = {};
  readonly artifacts: Artifact[] = [];

  constructor(private readonly context: RunContext) {}

  get workDir(): string {
    return this.context.workDir;
  }

  get signal(): AbortSignal {
    return this.context.signal;
  }

  get cpus(): number {
    return this.context.limits.cpus;
  }

  /** Rejects with the abort reason when the run was aborted before or during the stage. */
  async stage<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.current = stage;
    this.context.emit({ t: 'stage', stage, state: 'start' });
    const started = performance.now();
    const result = await work();
    this.signal.throwIfAborted();
    const ms = Math.round(performance.now() - started);
    this.timings[stage] = ms;
    this.context.emit({ t: 'stage', stage, state: 'done', ms });
    return result;
  }

  skip(stage: Stage): void {
    this.context.emit({ t: 'stage', stage, state: 'skipped' });
  }

  issue(issue: Issue): void {
    this.context.emit({ t: 'issue', issue });
  }

  /** For the lib's `onProgress`: the share `part` of the stage, which begins at `from` (both 0..1). */
  progress(from: number, part: number): (done: number, total: number) => void {
    const stage = this.current;
    const scale = 1000;
    return (done, total) => {
      const share = from + part * (total > 0 ? done / total : 1);
      this.context.emit({ t: 'progress', stage, done: Math.round(share * scale), total: scale });
    };
  }

  async write(kind: ArtifactKind, file: string, bytes: Uint8Array): Promise<void> {
    await writeFile(join(this.workDir, file), bytes, { mode: 0o600 });
    this.artifacts.push({ kind, file, bytes: bytes.length, sha256: sha256Of(bytes), vendor: false });
  }
}
