import { Injectable } from '@nestjs/common';
import type { SignedEntry } from '../domain/high-water-mark.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { ArchivedEntries } from './archived-entries.js';

/**
 * The entries of a ledger for a signer, whose mark may be older than the hot ones: hot storage first, and what is missing
 * there from the batches. Rejects as ArchivedEntries does.
 */
@Injectable()
export class WholeLedger {
  constructor(
    private readonly entries: LedgerEntries,
    private readonly archived: ArchivedEntries,
  ) {}

  /** Up to `limit` entries from `seq` on, in order; one that is nowhere is left out. The newest entry is always hot. */
  async after(tenant: string, seq: number, limit: number): Promise<SignedEntry[]> {
    const hot = await this.entries.after(tenant, seq, limit);
    const first = hot[0]?.seq ?? seq;
    if (first === seq) return hot;
    return [...(await this.archived.between(tenant, { from: seq, to: first, limit })), ...hot].slice(0, limit);
  }

  /** Undefined where the entry is nowhere. */
  async chainHashAt(tenant: string, seq: number): Promise<Uint8Array | undefined> {
    const hot = await this.entries.chainHashAt(tenant, seq);
    if (hot) return hot;
    const [archived] = await this.archived.between(tenant, { from: seq, to: seq + 1, limit: 1 });
    return archived?.chain_hash;
  }
}
