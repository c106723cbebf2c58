import { Injectable } from '@nestjs/common';
import { batchKeys, type ArchiveManifest } from '#libs/archive';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Ledgers, originsOf } from '../storage/ledgers.store.js';
import { judgedManifest } from '../verification/judged-manifest.js';

/** What our keys signed of a batch: before anything is destroyed, the record's word alone does not do. */
@Injectable()
export class SignedManifests {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly keys: AuditKeys,
    private readonly publicKeys: PublicKeys,
  ) {}

  /**
   * What the text says, once a key of the ledger's has signed it and the record says the same in every field. Rejects with
   * AUDIT.ARCHIVE_ALTERED.
   */
  async of(batch: ArchiveBatch, text: Uint8Array): Promise<ArchiveManifest> {
    const { _id, tenant } = batch;
    const origins = originsOf(await this.ledgers.ledger(tenant));
    const keys = (await Promise.all(origins.map((origin) => this.publicKeys.verifierKeys(tenant, origin)))).flat();
    const macOf = (keyId: string, bytes: Uint8Array) => this.keys.archiveMac(tenant, bytes, keyId);
    const { manifest, fault } = judgedManifest(text, batch, { keys, macOf });
    const expected = manifest && batchKeys({ ...manifest, sha256: manifest.jsonl.sha256 }).manifestKey;
    if (manifest && !fault && batch.manifestKey === expected) return manifest;
    const reason = fault?.reason ?? `manifestKey of the record is not ${expected}`;
    throw new AuditError('AUDIT.ARCHIVE_ALTERED', `batch ${_id} of ${tenant}: ${reason}`);
  }
}
