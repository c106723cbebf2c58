import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { assertOperator } from '../operator.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { ledgerSummary } from './ledger-summary.js';
import { ListLedgers, type LedgerSummary } from './list-ledgers.query.js';

@QueryHandler(ListLedgers)
export class ListLedgersHandler implements IQueryHandler<ListLedgers> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
  ) {}

  async execute({ requester }: ListLedgers): Promise<LedgerSummary[]> {
    assertOperator(requester);
    const summaries: LedgerSummary[] = [];
    for (const ledger of await this.ledgers.all()) {
      const head = await this.entries.head(ledger._id);
      summaries.push(ledgerSummary(ledger, head, await this.checkpoints.publishedSize(ledger._id)));
    }
    return summaries;
  }
}
