import { Injectable } from '@nestjs/common';
import type { CallOptions, ObjectStore } from '#libs/object-store';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ColdStores, type ColdPlaceName } from '../cold/cold-stores.js';
import { smallBytes } from '../cold/small-bytes.js';
import { Statements } from '../cold/statements.js';
import { isTombstoneOf, TOMBSTONE_TYPE, tombstoneKey, type Tombstone } from './tombstone.js';

/** A tombstone as it lies in the cold store. */
export interface FoundTombstone extends Tombstone {
  /** The signed text. */
  text: string;
}

/** What the tombstone of a batch needs to be known of the batch. */
export type EntombedBatch = Pick<
  ArchiveBatch,
  '_id' | 'tenant' | 'startSeq' | 'endSeq' | 'sha256' | 'manifestSha256' | 'manifestKey'
>;

const TOMBSTONE_BYTES = 256 * 1024;

/** The tombstones in the cold store. The record of a batch alone retires nothing: this is what proves it. */
@Injectable()
export class Tombstones {
  constructor(
    private readonly cold: ColdStores,
    private readonly statements: Statements,
  ) {}

  /**
   * The tombstone of this batch, signed by a key of the ledger's: from the cold store or its copy, or where that is asked
   * for, from the copy alone. Undefined when there is none, or what lies there is none. Rejects with OBJECT_STORE codes
   * when that cannot be told.
   */
  async of(
    batch: EntombedBatch,
    { place, signal }: CallOptions & { place?: ColdPlaceName } = {},
  ): Promise<FoundTombstone | undefined> {
    const faults: unknown[] = [];
    for (const name of place === 'copy' ? (['copy'] as const) : (['primary', 'copy'] as const)) {
      try {
        const store = await this.cold[name]();
        const found = store && (await this.in(store, batch, signal));
        if (found) return found;
      } catch (error) {
        signal?.throwIfAborted();
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
    return undefined;
  }

  /** Also below what somebody put over it: a marker, or another version. */
  private async in(
    store: ObjectStore,
    batch: EntombedBatch,
    signal: AbortSignal | undefined,
  ): Promise<FoundTombstone | undefined> {
    const key = tombstoneKey(batch.manifestKey);
    const at = async (version?: string): Promise<FoundTombstone | undefined> => {
      const text = await smallBytes(store, key, TOMBSTONE_BYTES, { version, signal });
      return text && this.said(batch, text);
    };
    const newest = await at();
    if (newest) return newest;
    for (const { version, deleteMarker } of await store.versions(key, { signal })) {
      const found = deleteMarker || version === undefined ? undefined : await at(version);
      if (found) return found;
    }
    return undefined;
  }

  /** What a text says that lies elsewhere; undefined when it is no tombstone of this batch by our keys. */
  async said(batch: EntombedBatch, text: Buffer): Promise<FoundTombstone | undefined> {
    const said = await this.statements.said(TOMBSTONE_TYPE, batch.tenant, text);
    if (!said || !isTombstoneOf(said, batch)) return undefined;
    return { ...(said as unknown as Tombstone), text: text.toString('utf8') };
  }
}
