import { Injectable } from '@nestjs/common';
import { ColdStores } from '../cold/cold-stores.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { Tombstones } from '../retention/tombstones.js';
import { SignedManifests } from '../verification/signed-manifests.js';

/** What the next manifest is linked to: our signature is not put under a digest that only the database gives. */
@Injectable()
export class PreviousManifest {
  constructor(
    private readonly cold: ColdStores,
    private readonly tombstones: Tombstones,
    private readonly manifests: SignedManifests,
  ) {}

  /**
   * Of a retired batch its tombstone has it. Rejects with OBJECT_STORE.NOT_FOUND or CORRUPT when it is not there by the
   * record's digest, and with AUDIT.ARCHIVE_ALTERED when no key of the ledger's signed it or the record says another thing.
   */
  async assertSigned(batch: ArchiveBatch, signal: AbortSignal): Promise<void> {
    const entombed = batch.state === 'retired' ? await this.tombstones.of(batch, { signal }) : undefined;
    const bytes = entombed
      ? Buffer.from(entombed.manifest)
      : (await this.cold.read(batch, 'manifest', { signal })).bytes;
    await this.manifests.of(batch, bytes);
  }
}
