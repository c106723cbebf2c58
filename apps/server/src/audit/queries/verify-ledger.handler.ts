import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { parsedKeys, VerificationEngine } from '../verification/verification-engine.js';
import { VerificationLine } from '../verification/verification-line.js';
import type { LedgerVerdict } from '../verification/verification.types.js';
import { VerifyLedger } from './verify-ledger.query.js';

@QueryHandler(VerifyLedger)
export class VerifyLedgerHandler implements IQueryHandler<VerifyLedger> {
  constructor(
    private readonly engine: VerificationEngine,
    private readonly line: VerificationLine,
  ) {}

  async execute({ tenant, vkeys, caller }: VerifyLedger): Promise<LedgerVerdict> {
    parsedKeys(vkeys, () => '/vkey'); // whoever asks for what cannot be does not wait in line
    const asked = { vkeys, require_anchor: false };
    return this.line.inTurn(tenant, (signal) => this.engine.run(tenant, asked, { signal }), caller);
  }
}
