import { Query } from '@nestjs/cqrs';
import type { Requester } from '../audit.types.js';
import type { ArchiveView } from './list-archives.query.js';

/** One archived batch of the tenant. Fails with AUDIT.ARCHIVE_NOT_FOUND, and of another tenant AUDIT.OPERATOR_REQUIRED. */
export class GetArchive extends Query<ArchiveView> {
  constructor(
    readonly tenant: string,
    readonly id: string,
    readonly requester: Requester,
  ) {
    super();
  }
}
