import { Injectable } from '@nestjs/common';
import { ColdStores } from '../cold/cold-stores.js';
import { AuditError } from '../audit.errors.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { VerificationEngine } from './verification-engine.js';
import type { LedgerVerdict } from './verification.types.js';

export interface ArchiveAsked {
  /** The copy by itself, and not the primary. */
  copy?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Verifies one archived batch where it lies: its manifest, its bytes, its entries against leaf tiles and signed roots. */
@Injectable()
export class ArchiveVerification {
  constructor(
    private readonly batches: ArchiveBatches,
    private readonly engine: VerificationEngine,
    private readonly cold: ColdStores,
  ) {}

  /**
   * The report of the batch's range; of a ledger with several incarnations that of the whole, in which `objectionTo` says
   * what is the batch's. Rejects with AUDIT.ARCHIVE_NOT_FOUND,
   * AUDIT.ARCHIVE_COPY_NOT_FOUND, and with the signal's reason.
   */
  async verify(tenant: string, id: string, { copy = false, signal }: ArchiveAsked = {}): Promise<LedgerVerdict> {
    const batch = await this.batches.get(tenant, id);
    if (!batch) throw new AuditError('AUDIT.ARCHIVE_NOT_FOUND', `${tenant} has no archived batch ${id.slice(0, 64)}`);
    if (copy && !this.cold.hasCopy) {
      throw new AuditError('AUDIT.ARCHIVE_COPY_NOT_FOUND', 'expected AUDIT_COLD_COPY_URL, found no second store');
    }
    const range = { from: batch.startSeq, to: batch.endSeq };
    const asked = { range, vkeys: [], require_anchor: false };
    const from = copy ? 'copy' : 'primary';
    return this.engine.run(tenant, asked, { signal: signal ?? new AbortController().signal, from });
  }
}
