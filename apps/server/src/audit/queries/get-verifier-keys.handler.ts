import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { verifierKeyText } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { GetVerifierKeys } from './get-verifier-keys.query.js';

@QueryHandler(GetVerifierKeys)
export class GetVerifierKeysHandler implements IQueryHandler<GetVerifierKeys> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly keys: PublicKeys,
  ) {}

  async execute({ tenant }: GetVerifierKeys): Promise<string> {
    const ledger = await this.ledgers.find(tenant);
    if (!ledger) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    const keys = await this.keys.verifierKeys(tenant, ledger.origin);
    return keys.map((key) => `${verifierKeyText(key)}\n`).join('');
  }
}
