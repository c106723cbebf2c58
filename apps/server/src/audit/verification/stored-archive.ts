import { Injectable } from '@nestjs/common';
import { sha256Hex, type ArchiveManifest } from '#libs/archive';
import type { VerifierKey } from '#libs/ledger';
import type { ObjectStore } from '#libs/object-store';
import type { ColdPlaceName } from '../cold/cold-stores.js';
import { ColdStores } from '../cold/cold-stores.js';
import { smallBytes } from '../cold/small-bytes.js';
import { signedManifest } from './judged-manifest.js';

/** Where to look, and whose word counts. */
export interface ArchiveView {
  tenant: string;
  place: ColdPlaceName;
  /** Those that may have signed a manifest. */
  keys: readonly VerifierKey[];
  signal: AbortSignal;
}

/** A signed manifest as it lies in the store. */
export interface StoredManifest {
  key: string;
  sha256: string;
  manifest: ArchiveManifest;
}

const MANIFEST = /\/(\d{1,16})-(\d{1,16})-[0-9a-f]{16}\.manifest\.json$/;
/** A manifest is some kilobytes; nothing of this size is read as one. */
const MOST_BYTES = 1024 * 1024;

/** What lies in the cold store, whatever the records say: asked where a record or an object is missing. */
@Injectable()
export class StoredArchive {
  constructor(private readonly cold: ColdStores) {}

  /** Another key in the tenant's archive at which an object of the same name lies. Rejects with OBJECT_STORE codes. */
  async elsewhere(key: string, { tenant, place, signal }: ArchiveView): Promise<string | undefined> {
    const name = key.slice(key.lastIndexOf('/'));
    for await (const found of (await this.store(place)).list(folderOf(tenant), { signal })) {
      if (found.key !== key && found.key.endsWith(name)) return found.key;
    }
    return undefined;
  }

  /** The signed manifest of a batch that holds this seq, if there is one. Rejects with OBJECT_STORE codes. */
  async manifestOver(seq: number, { tenant, place, keys, signal }: ArchiveView): Promise<StoredManifest | undefined> {
    const store = await this.store(place);
    for await (const { key, bytes } of store.list(folderOf(tenant), { signal })) {
      const [, start, end] = MANIFEST.exec(key) ?? [];
      if (start === undefined || Number(start) > seq || Number(end) < seq || bytes > MOST_BYTES) continue;
      const text = await smallBytes(store, key, MOST_BYTES, { signal });
      const found = text && signedManifest(text, keys);
      if (!found || 'code' in found || found.parsed.manifest.tenant !== tenant) continue;
      const { manifest } = found.parsed;
      if (manifest.startSeq <= seq && seq <= manifest.endSeq) return { key, sha256: sha256Hex(text), manifest };
    }
    return undefined;
  }

  private async store(place: ColdPlaceName): Promise<ObjectStore> {
    return (place === 'copy' ? await this.cold.copy() : undefined) ?? this.cold.primary();
  }
}

const folderOf = (tenant: string): string => `tenants/${tenant}/ledger/archive/`;
