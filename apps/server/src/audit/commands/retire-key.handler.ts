import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { SYSTEM } from '../domain/origin.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { KeyChanges } from '../keys/key-changes.js';
import { assertOperator } from '../operator.js';
import { KeyUse } from '../keys/key-use.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { RetireKey } from './retire-key.command.js';

@CommandHandler(RetireKey)
export class RetireKeyHandler implements ICommandHandler<RetireKey> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly changes: KeyChanges,
    private readonly use: KeyUse,
    private readonly ledgers: Ledgers,
  ) {}

  async execute({ id, requester }: RetireKey): Promise<void> {
    assertOperator(requester);
    this.keys.assertSigns();
    const key = this.keys.key(id);
    if (key.retired_at === undefined) {
      await this.use.assertUnused(key);
      await this.ledgers.assertOpen(SYSTEM);
      await this.keys.retire(id);
      // If the process dies here, the key is retired and nobody was told: the next turn of the signer records it.
    }
    for (const tenant of new Set([key.tenant ?? SYSTEM, SYSTEM])) {
      await this.changes.record(await this.ledgers.ledger(tenant), requester.actor);
    }
  }
}
