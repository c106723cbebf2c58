import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ColdCopyProgress } from '../cold/cold-copy-progress.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Restorations } from '../storage/restorations.store.js';
import { archiveView } from './archive-view.js';
import { ListArchives, type ArchivePage } from './list-archives.query.js';

@QueryHandler(ListArchives)
export class ListArchivesHandler implements IQueryHandler<ListArchives> {
  constructor(
    private readonly batches: ArchiveBatches,
    private readonly restorations: Restorations,
    private readonly progress: ColdCopyProgress,
  ) {}

  async execute({ tenant, limit, before_seq: before }: ListArchives): Promise<ArchivePage> {
    const [found, copy] = await Promise.all([this.batches.page(tenant, { before, limit }), this.progress.of(tenant)]);
    const restorations = await this.restorations.of(
      tenant,
      found.map(({ _id }) => _id),
    );
    const archives = found.map((batch) => archiveView(batch, restorations));
    const last = found.length === limit ? found.at(-1) : undefined;
    return { archives, ...(last && last.startSeq > 0 && { next_before_seq: last.startSeq }), copy };
  }
}
