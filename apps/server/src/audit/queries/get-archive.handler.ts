import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AuditError } from '../audit.errors.js';
import { assertOwnOrOperator } from '../operator.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Restorations } from '../storage/restorations.store.js';
import { archiveView } from './archive-view.js';
import { GetArchive } from './get-archive.query.js';
import type { ArchiveView } from './list-archives.query.js';

@QueryHandler(GetArchive)
export class GetArchiveHandler implements IQueryHandler<GetArchive> {
  constructor(
    private readonly batches: ArchiveBatches,
    private readonly restorations: Restorations,
  ) {}

  async execute({ tenant, id, requester }: GetArchive): Promise<ArchiveView> {
    assertOwnOrOperator(tenant, requester);
    const batch = await this.batches.get(tenant, id);
    if (!batch) throw new AuditError('AUDIT.ARCHIVE_NOT_FOUND', `${tenant} has no archived batch ${id.slice(0, 64)}`);
    return archiveView(batch, await this.restorations.of(tenant, [batch._id]));
  }
}
