import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AuditError } from '../audit.errors.js';

/** Callers that may wait in this process, and of one tenant. */
const MOST_WAITING = 8;
const MOST_OF_TENANT = 4;

/** Verifications whose callers wait for them, one at a time in this process. */
@Injectable()
export class VerificationLine implements OnModuleDestroy {
  private readonly waiting = new Map<string, number>();
  private readonly leaving = new AbortController();
  private last: Promise<unknown> = Promise.resolve();

  /**
   * `caller` is aborted when nobody waits any more: then the place is free at once, or the turn cut short. Rejects with
   * AUDIT.VERIFICATION_BUSY, with the reason of `caller`, and with what the verification rejects with.
   */
  async inTurn<T>(tenant: string, verification: (signal: AbortSignal) => Promise<T>, caller?: AbortSignal): Promise<T> {
    const ofTenant = this.waiting.get(tenant) ?? 0;
    const all = [...this.waiting.values()].reduce((sum, count) => sum + count, 0);
    if (all >= MOST_WAITING || ofTenant >= MOST_OF_TENANT) {
      throw new AuditError(
        'AUDIT.VERIFICATION_BUSY',
        `${all} verifications are waiting, at most ${MOST_WAITING}, and ${MOST_OF_TENANT} of a tenant`,
      );
    }
    this.waiting.set(tenant, ofTenant + 1);
    const { signal: leaving } = this.leaving;
    const signal = caller ? AbortSignal.any([leaving, caller]) : leaving;
    const before = this.last;
    const turn = async (): Promise<T> => {
      await orAborted(before, signal);
      return verification(signal);
    };
    const run = turn().finally(() => this.left(tenant));
    this.last = Promise.allSettled([before, run]);
    return run;
  }

  onModuleDestroy(): void {
    this.leaving.abort(new AuditError('AUDIT.VERIFICATION_BUSY', 'the server is stopping'));
  }

  private left(tenant: string): void {
    const rest = (this.waiting.get(tenant) ?? 1) - 1;
    if (rest === 0) this.waiting.delete(tenant);
    else this.waiting.set(tenant, rest);
  }
}

/** Resolves when `earlier` does; rejects with the signal's reason as soon as that is aborted. */
async function orAborted(earlier: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort: () => void;
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason as Error)));
  signal.addEventListener('abort', abort!);
  await Promise.race([earlier, aborted]).finally(() => signal.removeEventListener('abort', abort));
  signal.throwIfAborted();
}
