import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import type { LegalHold } from '../domain/legal-hold.types.js';
import { HoldKeeping } from '../holds/hold-keeping.js';
import { HoldRecords } from '../holds/hold-records.js';
import { assertOperator } from '../operator.js';
import { LegalHolds } from '../storage/holds.store.js';
import { ReleaseHold } from './release-hold.command.js';

@CommandHandler(ReleaseHold)
export class ReleaseHoldHandler implements ICommandHandler<ReleaseHold> {
  constructor(
    private readonly holds: LegalHolds,
    private readonly records: HoldRecords,
    private readonly keeping: HoldKeeping,
  ) {}

  async execute({ tenant, id, requester }: ReleaseHold): Promise<LegalHold> {
    assertOperator(requester);
    const hold = await this.found(tenant, id);
    if (hold.released_at === undefined) {
      const event = await this.records.released(hold, requester);
      await this.holds.release(id, new Date(), event);
      // If the process dies here, it holds until the ledger says that it does not, and that follows.
    }
    await this.records.record(await this.found(tenant, id));
    // If the process dies here, it holds nothing any more, and the objects follow.
    await this.keeping.settle(tenant);
    return this.found(tenant, id);
  }

  private async found(tenant: string, id: string): Promise<LegalHold> {
    const hold = await this.holds.find(tenant, id);
    if (hold) return hold;
    throw new AuditError('AUDIT.HOLD_NOT_FOUND', `there is no hold of this id in the ledger of ${tenant}`);
  }
}
