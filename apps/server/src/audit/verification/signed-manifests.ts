import { Injectable } from '@nestjs/common';
import { batchKeys, type ArchiveManifest } from '#libs/archive';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Ledgers, originsOf } from '../storage/ledgers.store.js';
import { judgedManifest, type JudgedManifest } from './judged-manifest.js';

/** What our keys signed of a batch: before anything is destroyed, the record's word alone does not do. */
@Injectable()
export class SignedManifests {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly keys: AuditKeys,
    private readonly publicKeys: PublicKeys,
  ) {}

  /**
   * What the text says, once a key of the ledger's has signed it and the record says the same in every field. What only
   * keys signed that others may have needs our MAC as well. Rejects with AUDIT.ARCHIVE_ALTERED.
   */
  async of(batch: ArchiveBatch, text: Uint8Array): Promise<ArchiveManifest> {
    const { _id, tenant } = batch;
    const { manifest, fault } = await this.judged(batch, text);
    const expected = manifest && batchKeys({ ...manifest, sha256: manifest.jsonl.sha256 }).manifestKey;
    if (manifest && !fault && batch.manifestKey === expected) return manifest;
    const reason = fault?.reason ?? `manifestKey of the record is not ${expected}`;
    throw new AuditError('AUDIT.ARCHIVE_ALTERED', `batch ${_id} of ${tenant}: ${reason}`);
  }

  private async judged(batch: ArchiveBatch, text: Uint8Array): Promise<JudgedManifest> {
    const { tenant } = batch;
    const origins = originsOf(await this.ledgers.ledger(tenant));
    const all = await Promise.all(origins.map((origin) => this.publicKeys.verifierKeys(tenant, origin)));
    let checked = false;
    const macOf = (keyId: string, bytes: Uint8Array): Uint8Array | undefined => {
      const mac = this.keys.archiveMac(tenant, bytes, keyId);
      checked = mac !== undefined;
      return mac;
    };
    const judged = judgedManifest(text, batch, { keys: all.flat(), macOf });
    if (checked || judged.fault) return judged;
    const sound = await Promise.all(origins.map((origin) => this.publicKeys.soundKeys(tenant, origin)));
    return judgedManifest(text, batch, { keys: sound.flat(), macOf });
  }
}
