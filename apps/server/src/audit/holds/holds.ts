import { Injectable } from '@nestjs/common';
import { casesOf, holdIn, holdsSpan, holdsSubject } from '../domain/legal-hold.js';
import type { HoldTerms, Span } from '../domain/legal-hold.types.js';
import { LegalHolds } from '../storage/holds.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';

/**
 * What legal holds keep now: what the ledger says is placed and not released, whatever became of its document, and what
 * was placed a moment ago and is not in the ledger yet. A hold that is placed later is not seen: ask at the last moment.
 */
@Injectable()
export class Holds {
  constructor(
    private readonly stored: LegalHolds,
    private readonly entries: LedgerEntries,
  ) {}

  /** Each hold once. One whose `hold.placed` is archived is known by its document, until HoldRenewal says it again. */
  async active(tenant: string): Promise<HoldTerms[]> {
    // First: entries leave from the lowest on, so the placing of a release that left in between is not found either.
    const released = await this.entries.ofKind(tenant, 'hold.released');
    const placed = await this.entries.ofKind(tenant, 'hold.placed');
    // Last: what is placed in between is in its document by then.
    const holds = new Map((await this.stored.active(tenant)).map((hold): [string, HoldTerms] => [hold._id, hold]));
    for (const hold of placed.flatMap((event) => holdIn(event) ?? [])) holds.set(hold._id, hold);
    for (const { data } of released) if (typeof data?.['hold'] === 'string') holds.delete(data['hold']);
    return [...holds.values()];
  }

  /** Cases whose hold lies on entries of this time, each once. */
  async of(tenant: string, span: Span): Promise<string[]> {
    return casesOf((await this.active(tenant)).filter((hold) => holdsSpan(hold, span)));
  }

  /** Cases whose hold keeps this person from being erased, each once. `since`: when the person's key was made. */
  async onSubject(tenant: string, subject: { pseudonym: string; since: Date }): Promise<string[]> {
    return casesOf((await this.active(tenant)).filter((hold) => holdsSubject(hold, subject)));
  }
}
