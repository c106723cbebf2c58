import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ColdCopyProgress } from '../cold/cold-copy-progress.js';
import { AuditError } from '../audit.errors.js';
import { assertOwnOrOperator } from '../operator.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { Restorations } from '../storage/restorations.store.js';
import { archiveView } from './archive-view.js';
import { ListArchives, type ArchivePage } from './list-archives.query.js';

@QueryHandler(ListArchives)
export class ListArchivesHandler implements IQueryHandler<ListArchives> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly batches: ArchiveBatches,
    private readonly restorations: Restorations,
    private readonly progress: ColdCopyProgress,
  ) {}

  async execute({ tenant, page, requester }: ListArchives): Promise<ArchivePage> {
    assertOwnOrOperator(tenant, requester);
    // What is read is noted in its ledger, and whoever reads begins none but that of its own tenant.
    if (tenant !== requester.tenant && !(await this.ledgers.find(tenant))) {
      throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    }
    const [found, copy] = await Promise.all([this.batches.page(tenant, page), this.progress.of(tenant)]);
    const restorations = await this.restorations.of(
      tenant,
      found.map(({ _id }) => _id),
    );
    const archives = found.map((batch) => archiveView(batch, restorations));
    const last = found.length === page.limit ? found.at(-1) : undefined;
    return { archives, ...(last && last.startSeq > 0 && { next_before_seq: last.startSeq }), copy };
  }
}
