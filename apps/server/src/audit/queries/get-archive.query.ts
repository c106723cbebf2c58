import { Query } from '@nestjs/cqrs';
import type { ArchiveView } from './list-archives.query.js';

/** One archived batch of the tenant. Fails with AUDIT.ARCHIVE_NOT_FOUND. */
export class GetArchive extends Query<ArchiveView> {
  constructor(
    readonly tenant: string,
    readonly id: string,
  ) {
    super();
  }
}
