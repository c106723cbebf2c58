import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { Log } from '#libs/telemetry';
import { RecordFact } from '../commands/record-fact.command.js';
import { SYSTEM } from '../domain/origin.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';

/** Closes ledgers whose store is not what was signed. An operator has to look: outboxes keep until then. */
@Injectable()
export class Suspending {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {}

  /** Once resolved no process appends after at most a second. No change when it is suspended, or opened anew since. */
  async suspend(ledger: Pick<Ledger, '_id' | 'origin'>, reason: string): Promise<void> {
    if (await this.ledgers.suspend(ledger, reason)) await this.tell(ledger._id, reason);
  }

  /** The same for a ledger that the store no longer knows. */
  async suspendLost(ledger: Pick<Ledger, '_id' | 'origin'>, reason: string): Promise<void> {
    if (await this.ledgers.addSuspended(ledger, reason)) await this.tell(ledger._id, reason);
  }

  private async tell(tenant: string, reason: string): Promise<void> {
    // Needs a person at once (P1): the alert is on this action.
    this.log.error('audit.suspended', { tenant_id: tenant, error_code: 'AUDIT.SUSPENDED', error_message: reason });
    if (tenant === SYSTEM) return;
    const draft = {
      kind: 'ledger.suspended',
      scope: { tenant: SYSTEM },
      actor: { type: 'system', id: 'ledger' },
      data: { ledger: tenant },
    } as const;
    await this.commands.execute(new RecordFact(draft)).catch((error: unknown) => {
      // The ledger's own document says so too; what is lost is the time of it in the system ledger.
      this.log.warn('audit.suspension_unrecorded', { tenant_id: tenant, error_code: codeOf(error) });
    });
  }
}
