import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import type { Requester } from '../audit.types.js';
import { SYSTEM } from '../domain/origin.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { KeyChanges } from '../keys/key-changes.js';
import { refusedField } from '../keys/key-requests.js';
import { assertOperator } from '../operator.js';
import { KeyUse } from '../keys/key-use.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { RecordFact } from './record-fact.command.js';
import { RotateKey, type RotatedPurpose } from './rotate-key.command.js';

@CommandHandler(RotateKey)
export class RotateKeyHandler implements ICommandHandler<RotateKey> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly changes: KeyChanges,
    private readonly use: KeyUse,
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
    private readonly commands: CommandBus,
  ) {}

  async execute(command: RotateKey): Promise<{ id: string }> {
    const { purpose, tenant, requester } = command;
    assertOperator(requester);
    this.keys.assertSigns();
    const ledger = await this.checked(command);
    await this.ledgers.assertOpen(SYSTEM);
    await this.ledgers.assertOpen(ledger);
    if (purpose === 'archive') return this.archiveKey(requester);
    const id = await this.added(purpose, tenant);
    // If the process dies here, the key is in the ring and nobody was told: the next turn of the signer records it.
    const { origin } = await this.ledgers.ledger(ledger);
    await this.changes.record({ _id: ledger, origin }, requester.actor);
    if (tenant !== undefined) await this.changes.record(await this.ledgers.ledger(SYSTEM), requester.actor);
    return { id };
  }

  /** Batches from now on are encrypted under it; older ones name theirs. It proves nothing, and only the system ledger tells. */
  private async archiveKey({ actor }: Requester): Promise<{ id: string }> {
    const id = await this.keys.addArchiveKey();
    // If the process dies here, the key is used and nobody was told of it: batches name it.
    const data = { key_id: id, purpose: 'archive', from_size: await this.checkpoints.newestSize(SYSTEM) };
    await this.commands.execute(new RecordFact({ kind: 'key.activated', scope: { tenant: SYSTEM }, actor, data }));
    return { id };
  }

  /** The ledger whose entry tells of the act first. */
  private async checked({ purpose, tenant }: RotateKey): Promise<string> {
    if (purpose === 'mac' && this.keys.macIds.fromSetting) {
      throw refusedField(
        'purpose',
        'the MAC keys are those of AUDIT_SIGNING_KEY: put a new one first there and restart',
      );
    }
    if (purpose === 'event') void this.keys.eventSigner;
    if (tenant !== undefined && purpose !== 'note')
      throw refusedField('tenant', 'only a note key can be a tenant’s own');
    if (tenant !== undefined && !(await this.ledgers.find(tenant)))
      throw refusedField('tenant', 'there is no such ledger');
    if (purpose === 'note' || purpose === 'cosignature') await this.assertSettled(purpose, tenant);
    return tenant ?? SYSTEM;
  }

  private async assertSettled(purpose: 'note' | 'cosignature', tenant: string | undefined): Promise<void> {
    const waiting = await this.use.waiting(purpose, tenant);
    if (waiting.length === 0) return;
    throw new AuditError(
      'AUDIT.ROTATION_PENDING',
      `${waiting.length} ledgers have not moved to the newest ${purpose} key yet, ${waiting[0]} is one`,
    );
  }

  private async added(purpose: Exclude<RotatedPurpose, 'archive'>, tenant: string | undefined): Promise<string> {
    if (purpose !== 'mac') return (await this.keys.add(purpose, tenant)).id;
    await this.keys.addMac();
    return this.keys.macIds.current;
  }
}
