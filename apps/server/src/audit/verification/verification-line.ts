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
   * `caller` is aborted when nobody waits any more: then the turn is not begun, or cut short. Rejects with
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
    const turn = async (): Promise<T> => {
      signal.throwIfAborted();
      return verification(signal);
    };
    const run = this.last.then(turn).finally(() => this.left(tenant));
    this.last = run.catch(() => undefined);
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
