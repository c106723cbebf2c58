import { Query } from '@nestjs/cqrs';

/** The verifier keys of a ledger's notes as text, one a line, the newest last. Fails with AUDIT.LEDGER_NOT_FOUND. */
export class GetVerifierKeys extends Query<string> {
  constructor(readonly tenant: string) {
    super();
  }
}
