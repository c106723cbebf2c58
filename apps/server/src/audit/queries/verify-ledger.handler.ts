import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { OnModuleDestroy } from '@nestjs/common';
import { AuditError } from '../audit.errors.js';
import type { LedgerVerdict } from '../verification/verification.types.js';
import { VerificationEngine } from '../verification/verification-engine.js';
import { VerifyLedger } from './verify-ledger.query.js';

/** Callers that may wait in this process, and of one tenant; they are served one at a time. */
const MOST_WAITING = 8;
const MOST_OF_TENANT = 4;

@QueryHandler(VerifyLedger)
export class VerifyLedgerHandler implements IQueryHandler<VerifyLedger>, OnModuleDestroy {
  private readonly waiting = new Map<string, number>();
  private readonly leaving = new AbortController();
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly engine: VerificationEngine) {}

  async execute({ tenant, vkeys }: VerifyLedger): Promise<LedgerVerdict> {
    const ofTenant = this.waiting.get(tenant) ?? 0;
    const all = [...this.waiting.values()].reduce((sum, count) => sum + count, 0);
    if (all >= MOST_WAITING || ofTenant >= MOST_OF_TENANT) {
      throw new AuditError(
        'AUDIT.VERIFICATION_BUSY',
        `${all} verifications are waiting, at most ${MOST_WAITING}, and ${MOST_OF_TENANT} of a tenant`,
      );
    }
    this.waiting.set(tenant, ofTenant + 1);
    const asked = { vkeys, require_anchor: false };
    const run = this.last
      .then(() => this.engine.run(tenant, asked, { signal: this.leaving.signal }))
      .finally(() => this.left(tenant));
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
