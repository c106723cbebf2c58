import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import { refsOf, type EventDraft, type Requester, type SealedEvent } from '../audit.types.js';
import { RecordEvents } from '../commands/record-events.command.js';
import { SealEvents } from '../commands/seal-events.command.js';
import type { LegalHold } from '../domain/legal-hold.types.js';
import { LegalHolds } from '../storage/holds.store.js';

/** The events of holds: sealed before the change, in one document with it, and in the ledger after it. */
@Injectable()
export class HoldRecords {
  constructor(
    private readonly holds: LegalHolds,
    private readonly commands: CommandBus,
  ) {}

  async placed(hold: Omit<LegalHold, 'unrecorded' | 'waits'>, requester: Requester): Promise<SealedEvent> {
    const { _id, subjects, since, until } = hold;
    return this.sealed('hold.placed', hold, requester, {
      hold: _id,
      ...(subjects && { subjects }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    });
  }

  async released(hold: LegalHold, requester: Requester): Promise<SealedEvent> {
    return this.sealed('hold.released', hold, requester, { hold: hold._id });
  }

  /** What is not known to be in the ledger goes there. Rejects with AUDIT.SUSPENDED or AUDIT.OUTCOME_UNKNOWN. */
  async record({ _id, tenant, unrecorded }: LegalHold): Promise<void> {
    for (const event of unrecorded) {
      await this.commands.execute(new RecordEvents(tenant, [event])).catch((error: unknown) => {
        // Nobody can record it any more; what it says is in the hold itself.
        if (!hasCode(error, 'AUDIT.EVENT_TOO_OLD')) throw error;
      });
      // If the process dies here, it is recorded again, and keeps its seq.
      await this.holds.recorded(_id, event.id);
    }
  }

  private async sealed(
    kind: string,
    { tenant, case_id }: Pick<LegalHold, 'tenant' | 'case_id'>,
    requester: Requester,
    data: Record<string, unknown>,
  ): Promise<SealedEvent> {
    const refs = { case_id, ...refsOf(requester) };
    const draft: EventDraft = { kind, scope: { tenant }, actor: requester.actor, refs, data };
    const [sealed] = await this.commands.execute(new SealEvents([draft]));
    return sealed!;
  }
}
