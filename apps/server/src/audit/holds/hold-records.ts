import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import { refsOf, type EventDraft, type Requester, type SealedEvent } from '../audit.types.js';
import { RecordEvents } from '../commands/record-events.command.js';
import { SealEvents } from '../commands/seal-events.command.js';
import type { HoldTerms, LegalHold } from '../domain/legal-hold.types.js';
import { LegalHolds } from '../storage/holds.store.js';

const BY_ITSELF: Pick<Requester, 'actor'> = { actor: { type: 'system', id: 'holds' } };

/** The events of holds: sealed before the change, in one document with it, and in the ledger after it. */
@Injectable()
export class HoldRecords {
  constructor(
    private readonly holds: LegalHolds,
    private readonly commands: CommandBus,
  ) {}

  async placed(hold: HoldTerms, requester: Pick<Requester, 'actor'>): Promise<SealedEvent> {
    const { _id, subjects, since, until } = hold;
    return this.sealed('hold.placed', hold, requester, {
      hold: _id,
      ...(subjects && { subjects }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    });
  }

  async released(hold: HoldTerms, requester: Pick<Requester, 'actor'>): Promise<SealedEvent> {
    return this.sealed('hold.released', hold, requester, { hold: hold._id });
  }

  /** That it still holds, said anew. Rejects as `record`. */
  async renewed(hold: HoldTerms): Promise<void> {
    const event = await this.placed(hold, BY_ITSELF);
    await this.commands.execute(new RecordEvents(hold.tenant, [event]));
  }

  /** That it does not, after it was said anew. Rejects as `record`. */
  async releasedAgain(hold: HoldTerms): Promise<void> {
    const event = await this.released(hold, BY_ITSELF);
    await this.commands.execute(new RecordEvents(hold.tenant, [event]));
  }

  /** What is not known to be in the ledger goes there. Rejects with AUDIT.SUSPENDED or AUDIT.OUTCOME_UNKNOWN. */
  async record({ _id, tenant, unrecorded }: LegalHold): Promise<void> {
    for (const event of unrecorded) {
      await this.commands.execute(new RecordEvents(tenant, [event])).catch(async (error: unknown) => {
        if (!hasCode(error, 'AUDIT.EVENT_TOO_OLD')) throw error;
        // Nobody can record it any more. That it was placed is said anew by itself; a release has to be ordered anew.
        if (event.kind === 'hold.released') await this.holds.voidRelease(_id, event.id);
      });
      // If the process dies here, it is recorded again, and keeps its seq.
      await this.holds.recorded(_id, event.id);
    }
  }

  private async sealed(
    kind: string,
    { tenant, case_id }: Pick<LegalHold, 'tenant' | 'case_id'>,
    requester: Pick<Requester, 'actor'>,
    data: Record<string, unknown>,
  ): Promise<SealedEvent> {
    const refs = { case_id, ...refsOf(requester) };
    const draft: EventDraft = { kind, scope: { tenant }, actor: requester.actor, refs, data };
    const [sealed] = await this.commands.execute(new SealEvents([draft]));
    return sealed!;
  }
}
