import { Query } from '@nestjs/cqrs';

/** The published checkpoint as a signed note with all its lines. Fails with AUDIT.CHECKPOINT_NOT_FOUND. */
export class GetPublishedNote extends Query<string> {
  constructor(readonly tenant: string) {
    super();
  }
}
