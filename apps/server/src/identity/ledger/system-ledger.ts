import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { Outboxes } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { RecordEvents, SealEvents, type EventDraft, type SealedEvent } from '../../audit/index.js';

/** How this room speaks to the ledgers. */
@Injectable()
export class SystemLedger {
  constructor(
    private readonly commands: CommandBus,
    private readonly outboxes: Outboxes,
    private readonly log: Log,
  ) {}

  /** An event of the `system` ledger, to be written with the change it tells of. */
  async sealed(kind: string, resource: { type: string; id: string }, data: EventDraft['data']): Promise<SealedEvent[]> {
    const actor = { type: 'system' as const, id: 'identity' };
    return this.seal([{ kind, scope: { tenant: 'system' }, actor, refs: { resource }, data }]);
  }

  async seal(drafts: EventDraft[]): Promise<SealedEvent[]> {
    return this.commands.execute(new SealEvents(drafts));
  }

  async record(tenant: string, events: SealedEvent[]): Promise<void> {
    await this.commands.execute(new RecordEvents(tenant, events));
  }

  /** What was written stays in its outbox when this fails: the relay records it later. */
  async drain(collection: string, id: string): Promise<void> {
    await this.outboxes.drain(collection, id).catch((error: unknown) => this.warn('outbox.drain_failed', error));
  }

  warn(action: `${string}.${string}`, error: unknown): void {
    this.log.warn(action, { error_code: codeOf(error) });
  }
}
