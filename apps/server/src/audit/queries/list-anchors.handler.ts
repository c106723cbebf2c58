import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AnchorProgress } from '../anchors/anchor-progress.js';
import { AnchorReader } from '../anchors/anchor-reader.js';
import { AuditError } from '../audit.errors.js';
import { assertOwnOrOperator } from '../operator.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { ListAnchors, type AnchorStates } from './list-anchors.query.js';

@QueryHandler(ListAnchors)
export class ListAnchorsHandler implements IQueryHandler<ListAnchors> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly checkpoints: Checkpoints,
    private readonly progress: AnchorProgress,
    private readonly reader: AnchorReader,
  ) {}

  async execute({ tenant, requester }: ListAnchors): Promise<AnchorStates> {
    assertOwnOrOperator(tenant, requester);
    const ledger = await this.ledgers.find(tenant);
    if (!ledger) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    const { origin } = ledger;
    return {
      tenant,
      origin,
      published_size: await this.checkpoints.publishedSize(tenant),
      witnessed_size: await this.reader.witnessedSize(tenant, origin),
      anchors: await this.progress.of(ledger),
    };
  }
}
