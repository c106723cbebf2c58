import { Injectable } from '@nestjs/common';
import type mongoose from 'mongoose';
import type { StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { LedgerEntries } from './ledger-entries.store.js';

/** Documents of one round trip: with the largest events 16 MiB. */
const BATCH = 256;

/** What entries give to tiles and bundles: ranges without a hole. */
@Injectable()
export class TileEntries {
  constructor(private readonly entries: LedgerEntries) {}

  /** `count` entries from `seq` on, one after the other. Throws AUDIT.ENTRY_CONTRADICTED where one is missing. */
  async *range(
    tenant: string,
    seq: number,
    count: number,
    { hashesOnly = false }: { hashesOnly?: boolean } = {},
  ): AsyncGenerator<Pick<StoredEntry, 'seq' | 'bytes' | 'leaf_hash'>, void> {
    const end = seq + count;
    const cursor: mongoose.mongo.FindCursor<StoredEntry> = this.entries.collection
      .find(
        { tenant, seq: { $gte: seq, $lt: end } },
        {
          projection: { _id: 0, seq: 1, leaf_hash: 1, ...(!hashesOnly && { bytes: 1 }) },
          promoteBuffers: true,
          batchSize: BATCH,
        },
      )
      .sort({ seq: 1 });
    let next = seq;
    for await (const entry of cursor) {
      if (entry.seq !== next) break;
      yield entry;
      next += 1;
    }
    if (next < end)
      throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${next} of ${tenant} was signed and is missing`);
  }

  /** The leaf hashes of a range, as stored. Throws AUDIT.ENTRY_CONTRADICTED where one is missing. */
  async leafHashes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for await (const { leaf_hash } of this.range(tenant, seq, count, { hashesOnly: true })) hashes.push(leaf_hash);
    return hashes;
  }

  /** The bytes of a range. Throws AUDIT.ENTRY_CONTRADICTED where one is missing. */
  async bytes(tenant: string, seq: number, count: number): Promise<Uint8Array[]> {
    const all: Uint8Array[] = [];
    for await (const { bytes } of this.range(tenant, seq, count)) all.push(bytes);
    return all;
  }
}
