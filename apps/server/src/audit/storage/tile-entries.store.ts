import { Injectable } from '@nestjs/common';
import type { StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { LedgerEntries } from './ledger-entries.store.js';

/** What entries give to a tile or bundle: at most 256, without a hole. */
@Injectable()
export class TileEntries {
  constructor(private readonly entries: LedgerEntries) {}

  /** The leaf hashes of a range, as stored. Throws AUDIT.ENTRY_CONTRADICTED where one is missing. */
  async leafHashes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    return (await this.range(tenant, seq, count, { leaf_hash: 1 })).map(({ leaf_hash }) => leaf_hash);
  }

  /** The bytes of a range. Throws AUDIT.ENTRY_CONTRADICTED where one is missing. */
  async bytes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    return (await this.range(tenant, seq, count, { bytes: 1 })).map(({ bytes }) => bytes);
  }

  private async range(
    tenant: string,
    seq: number,
    count: number,
    parts: { leaf_hash: 1 } | { bytes: 1 },
  ): Promise<StoredEntry[]> {
    const found = await this.entries.collection
      .find(
        { tenant, seq: { $gte: seq, $lt: seq + count } },
        { projection: { _id: 0, seq: 1, ...parts }, promoteBuffers: true, batchSize: count + 1 },
      )
      .sort({ seq: 1 })
      .toArray();
    const at = found.findIndex((entry, i) => entry.seq !== seq + i);
    if (at < 0 && found.length === count) return found;
    const missing = seq + (at < 0 ? found.length : at);
    throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${missing} of ${tenant} was signed and is missing`);
  }
}
