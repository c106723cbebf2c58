import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LedgerError, LedgerVerifier, parseVerifierKey } from '#libs/ledger';
import type { VerifierKey } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import { LedgerReader } from '../storage/ledger-reader.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { VerifyLedger, type LedgerVerdict } from './verify-ledger.query.js';

/** Verifications that may wait in this process; they run one at a time, each as slow as the ledger is long. */
const MOST_WAITING = 8;

@QueryHandler(VerifyLedger)
export class VerifyLedgerHandler implements IQueryHandler<VerifyLedger> {
  private waiting = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ledgers: Ledgers,
    private readonly reader: LedgerReader,
    private readonly keys: AuditKeys,
    private readonly signer: CheckpointSigner,
  ) {}

  async execute(query: VerifyLedger): Promise<LedgerVerdict> {
    if (this.waiting >= MOST_WAITING) {
      throw new AuditError(
        'AUDIT.VERIFICATION_BUSY',
        `${this.waiting} verifications are waiting, at most ${MOST_WAITING}`,
      );
    }
    this.waiting += 1;
    const run = this.last.then(() => this.verified(query)).finally(() => (this.waiting -= 1));
    this.last = run.catch(() => undefined);
    return run;
  }

  private async verified({ tenant, vkeys }: VerifyLedger): Promise<LedgerVerdict> {
    const started = performance.now();
    const ledger = await this.ledgers.find(tenant);
    if (!ledger) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    const origin = this.ledgers.originOf(tenant);
    const pinned = vkeys.length > 0;
    const verifierKeys = pinned ? parsedKeys(vkeys) : this.keys.verifierKeys(tenant, origin);
    const highWater = await this.signer.highWater(tenant);
    const verifier = new LedgerVerifier({
      tenant,
      origin,
      keys: { verifierKeys, pinned, eventKeys: this.keys.eventKeys },
      ...(highWater && { highWater }),
    });
    const { size, head } = await this.reader.read(tenant, verifier);
    const report = verifier.finish();
    return { ...report, size, head, duration_ms: Math.round(performance.now() - started) };
  }
}

function parsedKeys(texts: readonly string[]): VerifierKey[] {
  try {
    return texts.map(parseVerifierKey);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new AuditError('AUDIT.VERIFIER_KEY_INVALID', cause.message, { cause });
  }
}
