import { Query } from '@nestjs/cqrs';
import type { ListedEvent } from './list-events.query.js';

export interface StoredEvent extends ListedEvent {
  /** Base64 of the canonical bytes: what the leaf hash is of. */
  bytes: string;
}

/** One event by its id. Fails with AUDIT.EVENT_NOT_FOUND. */
export class GetEvent extends Query<StoredEvent> {
  constructor(
    readonly tenant: string,
    readonly id: string,
  ) {
    super();
  }
}
