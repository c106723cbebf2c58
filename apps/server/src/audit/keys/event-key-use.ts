import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Settings } from '../../settings.js';
import { RecordFact } from '../commands/record-fact.command.js';
import { hourlyId } from '../domain/coalesced.js';
import { SYSTEM } from '../domain/origin.js';
import type { EventSigner } from '../domain/sealed-event.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { KeyStatements } from '../storage/key-statements.store.js';
import { AuditKeys } from './audit-keys.js';
import { activation, says } from './key-facts.js';
import { PublicKeys } from './public-keys.js';

/** Who signs the single events of a tenant; its key is in the ledger before the first event it signs. */
@Injectable()
export class EventKeyUse {
  private readonly activated = new Map<string, Promise<void>>();

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'audit'>,
    private readonly keys: AuditKeys,
    private readonly publicKeys: PublicKeys,
    private readonly statements: KeyStatements,
    private readonly checkpoints: Checkpoints,
    private readonly commands: CommandBus,
  ) {}

  /** Undefined for a tenant that did not ask. Rejects with what recording the key's activation rejects with. */
  async signerOf(tenant: string, kind: string): Promise<EventSigner | undefined> {
    if (!this.settings.audit.eventSignatureTenants.includes(tenant)) return undefined;
    const signer = this.keys.eventSigner;
    // The activation is signed by the key it tells of: nothing can be in the ledger before that.
    if (kind !== 'key.activated') await this.recorded(tenant, signer.kid);
    return signer;
  }

  private async recorded(tenant: string, kid: string): Promise<void> {
    const name = `${tenant} ${kid}`;
    const known = this.activated.get(name);
    if (known) return known;
    const recording = this.record(tenant, kid);
    this.activated.set(name, recording);
    // The next event tries again.
    recording.catch(() => this.activated.delete(name));
    return recording;
  }

  private async record(tenant: string, kid: string): Promise<void> {
    await this.publicKeys.publish();
    const key = this.keys.keys.find(({ id }) => id === kid);
    if (!key) return;
    for (const ledger of new Set([SYSTEM, tenant])) {
      const fact = activation(key, kid, await this.checkpoints.newestSize(ledger));
      const there = await this.statements.ofKind(ledger, fact.kind);
      if (there.some((event) => says(event, fact, ledger))) continue;
      const id = hourlyId(Date.now(), fact.kind, ledger, 'event', kid);
      const draft = { id, ...fact, scope: { tenant: ledger }, actor: { type: 'system', id: 'ledger' } } as const;
      await this.commands.execute(new RecordFact(draft, { once: true }));
    }
  }
}
