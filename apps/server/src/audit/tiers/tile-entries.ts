import { Injectable } from '@nestjs/common';
import type { StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { gapsFilled } from '../domain/gaps.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { ArchivedEntries } from './archived-entries.js';

type PartOfEntry = Pick<StoredEntry, 'seq' | 'bytes' | 'leaf_hash'>;

/**
 * What entries give to a tile or bundle: at most 256, without a hole, from hot storage or the archive alike. Rejects
 * with AUDIT.ENTRY_CONTRADICTED where one is missing, with AUDIT.ARCHIVE_RETIRED where its retention is over, and as
 * ArchivedEntries does.
 */
@Injectable()
export class TileEntries {
  constructor(
    private readonly entries: LedgerEntries,
    private readonly archived: ArchivedEntries,
    private readonly batches: ArchiveBatches,
  ) {}

  /** The leaf hashes of a range, as stored. */
  async leafHashes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    return (await this.range(tenant, seq, count, { leaf_hash: 1 })).map(({ leaf_hash }) => leaf_hash);
  }

  /** The bytes of a range. */
  async bytes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    return (await this.range(tenant, seq, count, { bytes: 1 })).map(({ bytes }) => bytes);
  }

  private async range(
    tenant: string,
    seq: number,
    count: number,
    parts: { leaf_hash: 1 } | { bytes: 1 },
  ): Promise<PartOfEntry[]> {
    const hot = await this.entries.collection
      .find(
        { tenant, seq: { $gte: seq, $lt: seq + count } },
        { projection: { _id: 0, seq: 1, ...parts }, promoteBuffers: true, batchSize: count + 1 },
      )
      .sort({ seq: 1 })
      .toArray();
    // Hot storage was read first: what left it in between has a batch by now.
    const found = await gapsFilled<PartOfEntry>(hot, { after: seq - 1, limit: count }, ({ from, to, limit }) =>
      this.archived.between(tenant, { from, to: Math.min(to, seq + count), limit }),
    );
    const at = found.findIndex((entry, i) => entry.seq !== seq + i);
    if (at < 0 && found.length === count) return found;
    throw await this.missing(tenant, seq + (at < 0 ? found.length : at));
  }

  private async missing(tenant: string, seq: number): Promise<AuditError> {
    const batch = await this.batches.covering(tenant, seq);
    return batch?.state === 'retired'
      ? new AuditError('AUDIT.ARCHIVE_RETIRED', `the retention of seq ${seq} of ${tenant} is over`)
      : new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${seq} of ${tenant} was signed and is missing`);
  }
}
