import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { NoteAccess } from '../commands/note-access.command.js';
import { LedgerVerdicts } from '../storage/ledger-verdicts.store.js';
import { Verifications, type HeldRun, type SavedRun } from '../storage/verifications.store.js';
import { SavedRuns } from './saved-runs.js';
import { VerificationEngine } from './verification-engine.js';
import { VerificationMetrics } from './verification-metrics.js';
import type { LedgerVerdict, Verification } from './verification.types.js';

/** How often the lease is renewed and the progress told, in milliseconds. */
const RENEW_MS = 2_000;
/** Processes that may fail or die at a run before it is given up. */
const MOST_ATTEMPTS = 5;

/** Why a run was left before its end. */
type Left = 'stopping' | 'canceled' | 'lost';

class RunLeft extends Error {
  constructor(readonly why: Left) {
    super(why);
  }
}

/** One verification of the queue, from where it stands to its end. */
@Injectable()
export class VerificationRun {
  constructor(
    private readonly verifications: Verifications,
    private readonly engine: VerificationEngine,
    private readonly saved: SavedRuns,
    private readonly verdicts: LedgerVerdicts,
    private readonly metrics: VerificationMetrics,
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {}

  /**
   * Ends it, or leaves it for another process: when `stopping` is aborted, when it was canceled, or when another
   * process holds it. Rejects only when the store does not answer; the lease then runs out.
   */
  async work(held: HeldRun, stopping: AbortSignal): Promise<void> {
    const leaving = new AbortController();
    const leave = (why: Left): void => leaving.abort(new RunLeft(why));
    const stop = (): void => leave('stopping');
    stopping.addEventListener('abort', stop);
    if (stopping.aborted) stop();
    const turn = new RunTurn(this.verifications, held, leave);
    try {
      const report = await this.engine.run(held.tenant, held.asked, {
        signal: leaving.signal,
        resume: this.saved.opened(held),
        progressed: (progress, state) => turn.progressed(progress, () => this.saved.sealed(held, state())),
      });
      await turn.end();
      await this.finish(held, report);
    } catch (error) {
      await turn.end();
      await this.left(held, error, turn.kept);
    } finally {
      stopping.removeEventListener('abort', stop);
    }
  }

  private async finish(held: HeldRun, report: LedgerVerdict): Promise<void> {
    const { tier, size, breaks_total: breaks, keys } = report;
    const { actor, credential } = held.requester;
    const access = { kind: 'audit.verified', data: { verdict: tier, size, breaks, keys }, same: tier } as const;
    await this.commands.execute(new NoteAccess(held.tenant, actor, credential, access));
    // If the process dies here, another ends the run again: the event is one of its hour.
    const done = { done: report.entries.found, total: report.entries.found };
    if (!(await this.verifications.end(held, { state: 'done', report, progress: done }))) return;
    this.metrics.ended(report);
    if (isWhole(held)) await this.keepVerdict(held, report);
    const fields = { tenant_id: held.tenant, run_id: held.id, status: tier, duration_ms: report.duration_ms };
    if (tier === 'broken') this.log.error('audit.verification_broken', { ...fields, count: breaks });
    else this.log.info('audit.verification_done', fields);
  }

  private async keepVerdict(
    { id, tenant }: HeldRun,
    { tier, size, breaks_total: breaks }: LedgerVerdict,
  ): Promise<void> {
    await this.verdicts.keep({ _id: tenant, verification: id, tier, size, breaks, verified_at: new Date() });
  }

  private async left(held: HeldRun, error: unknown, kept: SavedRun | undefined): Promise<void> {
    const why = error instanceof RunLeft ? error.why : undefined;
    if (why === 'lost') return;
    if (why === 'stopping') return this.verifications.giveBack(held, kept);
    if (why === 'canceled') return void (await this.verifications.end(held, { state: 'canceled' }));
    const code = codeOf(error) ?? 'unknown';
    this.log.warn('audit.verification_failed', { tenant_id: held.tenant, run_id: held.id, error_code: code });
    if (held.attempts < MOST_ATTEMPTS) return this.verifications.giveBack(held, kept);
    await this.verifications.end(held, { state: 'failed', error: { code } });
  }
}

/** Whether it says how the ledger is, and not how a part of it is, or what a caller's own keys make of it. */
const isWhole = ({ asked }: HeldRun): boolean => asked.range === undefined && asked.vkeys.length === 0;

/** Keeps the lease of one run while it works. */
class RunTurn {
  kept: SavedRun | undefined;
  private progress: Verification['progress'];
  private saved: SavedRun | undefined;
  private savedAt = -RENEW_MS;
  private renewing: Promise<void> = Promise.resolve();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly verifications: Verifications,
    private readonly held: HeldRun,
    private readonly leave: (why: Left) => void,
  ) {
    this.progress = held.progress;
    this.timer = setInterval(() => this.renew(), RENEW_MS);
  }

  /** Told after every segment; what it costs to save, it costs once in a while. */
  async progressed(progress: Verification['progress'], sealed: () => SavedRun | undefined): Promise<void> {
    this.progress = progress;
    if (performance.now() - this.savedAt < RENEW_MS) return;
    this.saved = sealed() ?? this.saved;
    this.savedAt = performance.now();
    this.renew();
    await this.renewing;
  }

  async end(): Promise<void> {
    clearInterval(this.timer);
    await this.renewing;
  }

  private renew(): void {
    this.renewing = this.renewing.then(async () => {
      const { progress, saved } = this;
      this.saved = undefined;
      const state = await this.verifications.renew(this.held, progress, saved).catch(() => 'held' as const);
      this.kept = saved ?? this.kept;
      if (state === 'lost') this.leave('lost');
      if (state === 'cancel') this.leave('canceled');
    });
  }
}
