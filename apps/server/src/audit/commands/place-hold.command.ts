import { Command } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { LegalHold } from '../domain/legal-hold.types.js';
import type { ErasureStep } from '../erasure/erasure.types.js';

/** What is to be kept. */
export interface HoldRequest {
  case_id: string;
  /** Identifiers; absent: everyone. They are kept as pseudonyms, and are in no message, log line or event. */
  subjects?: readonly string[] | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/** With the erasures of persons it names that it came too late for; `intended`: that is not decided yet. */
export interface PlacedHold extends LegalHold {
  erasures: ErasureStep[];
}

/**
 * Places a legal hold. When it resolves the ledger says so, nobody it names can be erased, but by the erasures in the
 * answer, and no batch in its time can be retired that is not retired already; archived objects that the cold store did not put on hold yet follow by themselves. Fails with
 * AUDIT.OPERATOR_REQUIRED, AUDIT.LEDGER_NOT_FOUND, AUDIT.HOLD_REQUEST_INVALID or AUDIT.SUSPENDED.
 */
export class PlaceHold extends Command<PlacedHold> {
  constructor(
    readonly tenant: string,
    readonly request: HoldRequest,
    readonly requester: Requester,
  ) {
    super();
  }
}
