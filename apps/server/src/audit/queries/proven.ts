import { LedgerError } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';

/** What `prove` resolves with; a proof that does not hold becomes AUDIT.PROOF_CONTRADICTED: no wrong proof leaves. */
export async function provenOrContradicted<T>(what: string, prove: () => Promise<T>): Promise<T> {
  try {
    return await prove();
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new AuditError('AUDIT.PROOF_CONTRADICTED', `${what}: ${cause.message} (${cause.code})`, { cause });
  }
}
