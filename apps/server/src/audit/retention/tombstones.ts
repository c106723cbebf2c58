import { Injectable } from '@nestjs/common';
import type { ObjectStore } from '#libs/object-store';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ColdStores } from '../cold/cold-stores.js';
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
   * The tombstone of this batch, signed by a key of the ledger's: from the cold store or its copy. Undefined when there
   * is none, or what lies there is none. Rejects with OBJECT_STORE codes when that cannot be told.
   */
  async of(batch: EntombedBatch, signal?: AbortSignal): Promise<FoundTombstone | undefined> {
    const stores = [await this.cold.primary(), await this.cold.copy()];
    for (const store of stores) {
      const found = store && (await this.in(store, batch, signal));
      if (found) return found;
    }
    return undefined;
  }

  private async in(
    store: ObjectStore,
    batch: EntombedBatch,
    signal: AbortSignal | undefined,
  ): Promise<FoundTombstone | undefined> {
    const text = await smallBytes(store, tombstoneKey(batch.manifestKey), TOMBSTONE_BYTES, { signal });
    return text && this.said(batch, text);
  }

  /** What a text says that lies elsewhere; undefined when it is no tombstone of this batch by our keys. */
  async said(batch: EntombedBatch, text: Buffer): Promise<FoundTombstone | undefined> {
    const said = await this.statements.said(TOMBSTONE_TYPE, batch.tenant, text);
    if (!said || !isTombstoneOf(said, batch)) return undefined;
    return { ...(said as unknown as Tombstone), text: text.toString('utf8') };
  }
}
