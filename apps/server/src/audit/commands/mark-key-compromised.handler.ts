import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { SYSTEM } from '../domain/origin.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { KeyChanges } from '../keys/key-changes.js';
import type { RingKey } from '../keys/key-ring.js';
import { refusedField } from '../keys/key-requests.js';
import { assertOperator } from '../operator.js';
import { KeyUse } from '../keys/key-use.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { MarkKeyCompromised } from './mark-key-compromised.command.js';

@CommandHandler(MarkKeyCompromised)
export class MarkKeyCompromisedHandler implements ICommandHandler<MarkKeyCompromised> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly changes: KeyChanges,
    private readonly use: KeyUse,
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
  ) {}

  async execute({ id, sinceSize, tenant, requester }: MarkKeyCompromised): Promise<void> {
    assertOperator(requester);
    this.keys.assertSigns();
    const key = this.keys.key(id);
    const ledger = await this.ledgerOf(key, sinceSize, tenant);
    this.use.assertFollowed(key);
    await this.ledgers.assertOpen(SYSTEM);
    await this.keys.compromise(id, {
      ...(ledger !== undefined && { ledger }),
      since_size: sinceSize,
      at: new Date().toISOString(),
    });
    // If the process dies here, the ring says it and the ledgers do not: the next turn of the signer records it.
    for (const told of new Set([ledger ?? SYSTEM, SYSTEM])) {
      await this.changes.record(await this.ledgers.ledger(told), requester.actor);
    }
  }

  private async ledgerOf(key: RingKey, sinceSize: number, tenant: string | undefined): Promise<string | undefined> {
    if (key.tenant !== undefined && tenant !== undefined && tenant !== key.tenant) {
      throw refusedField('tenant', `the key signs the ledger of ${key.tenant} alone`);
    }
    const ledger = tenant ?? key.tenant;
    if (ledger === undefined) {
      if (sinceSize === 0) return undefined;
      throw refusedField('tenant', 'the key signs many ledgers: say whose size is meant, or give since_size 0 for all');
    }
    if (!(await this.ledgers.find(ledger))) throw refusedField('tenant', 'there is no such ledger');
    const size = await this.checkpoints.newestSize(ledger);
    if (sinceSize > size) throw refusedField('since_size', `expected at most ${size}, the newest that is signed`);
    return ledger;
  }
}
