import { Injectable } from '@nestjs/common';
import { casesOf, holdsSpan, holdsSubject } from '../domain/legal-hold.js';
import { LegalHolds } from '../storage/holds.store.js';
import type { Span } from '../domain/legal-hold.types.js';

/** What legal holds keep, as majority reads say now. A hold that is placed later is not seen: ask at the last moment. */
@Injectable()
export class Holds {
  constructor(private readonly stored: LegalHolds) {}

  /** Cases whose hold lies on entries of this time, each once. */
  async of(tenant: string, span: Span): Promise<string[]> {
    return casesOf((await this.stored.active(tenant)).filter((hold) => holdsSpan(hold, span)));
  }

  /** Cases whose hold keeps this person from being erased, each once. `since`: when the person's key was made. */
  async onSubject(tenant: string, subject: { pseudonym: string; since: Date }): Promise<string[]> {
    return casesOf((await this.stored.active(tenant)).filter((hold) => holdsSubject(hold, subject)));
  }
}
