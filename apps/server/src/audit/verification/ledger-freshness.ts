import { Injectable } from '@nestjs/common';
import { HighWaterFiles } from '../checkpoints/high-water-files.js';
import { LedgerVerdicts, type LedgerResult } from '../storage/ledger-verdicts.store.js';
import { Ledgers } from '../storage/ledgers.store.js';

/** A ledger, and what was found when it was verified last. */
export interface LedgerFreshness {
  tenant: string;
  /** When the ledger was created; the epoch for one that is signed and gone from the store. */
  since: Date;
  last: LedgerResult | undefined;
}

/** How old what is told may be, in milliseconds: it is asked for at every scrape. */
const KNOWN_MS = 5_000;

/** Which ledgers there are, by the store and by the marks beside the keys, and when each was verified last. */
@Injectable()
export class LedgersFreshness {
  private known: { ledgers: Promise<LedgerFreshness[]>; at: number } | undefined;

  constructor(
    private readonly ledgers: Ledgers,
    private readonly marks: HighWaterFiles,
    private readonly verdicts: LedgerVerdicts,
  ) {}

  all(): Promise<LedgerFreshness[]> {
    if (this.known && performance.now() - this.known.at < KNOWN_MS) return this.known.ledgers;
    const ledgers = this.read();
    ledgers.catch(() => (this.known = undefined));
    this.known = { ledgers, at: performance.now() };
    return ledgers;
  }

  private async read(): Promise<LedgerFreshness[]> {
    const [ledgers, marked, verdicts] = await Promise.all([
      this.ledgers.all(),
      this.marks.tenants(),
      this.verdicts.all(),
    ]);
    const since = new Map(marked.map((tenant) => [tenant, new Date(0)]));
    for (const { _id, created_at } of ledgers) since.set(_id, created_at);
    const last = new Map(verdicts.map((verdict) => [verdict._id, verdict]));
    return [...since].map(([tenant, at]) => ({ tenant, since: at, last: last.get(tenant) }));
  }
}
