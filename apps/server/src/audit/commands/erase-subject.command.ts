import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { Erasure, ErasureReason } from '../erasure/erasure.types.js';

/**
 * Destroys the key of a person in one tenant's ledger: nobody can tell any more who its entries, archives and older
 * backups name by the pseudonym. There is no way back. Resolves when the ledger says so; when it rejects with another code
 * than those below, the erasure is begun and goes on by itself, and giving the same order again is no second one.
 *
 * Fails with AUDIT.OPERATOR_REQUIRED, AUDIT.KEYS_ELSEWHERE, AUDIT.LEDGER_NOT_FOUND, AUDIT.SUSPENDED,
 * AUDIT.SUBJECT_NOT_FOUND or AUDIT.ERASURE_HELD, and nothing is changed.
 */
export class EraseSubject extends Command<Erasure> {
  constructor(
    readonly tenant: string,
    /** The identifier. It is in no message, log line, event or document that this leaves. */
    readonly subject: string,
    readonly reason: ErasureReason,
    readonly caseId: string | undefined,
    readonly requester: Requester,
  ) {
    super();
  }
}
