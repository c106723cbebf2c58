import { MAX_BATCH_ENTRIES, sha256Hex, type ArchiveManifest } from '#libs/archive';
import type { VerifierKey } from '#libs/ledger';
import type { ObjectStore } from '#libs/object-store';
import type { ColdPlaceName, ColdStores } from '../cold/cold-stores.js';
import { smallBytes } from '../cold/small-bytes.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { ArchiveBatches } from '../storage/archive-batches.store.js';
import { signedManifest } from './judged-manifest.js';

/** Where a run looks, and whose word counts. */
export interface ColdView {
  tenant: string;
  place: ColdPlaceName;
  /** Those that may have signed a manifest. */
  keys: readonly VerifierKey[];
  stored: StoredArchive;
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

/** What lies in one cold store under a ledger's archive. */
interface Listed {
  store: ObjectStore;
  /** By the name at the end of the key. */
  keys: Map<string, string[]>;
  /** What by its name is a manifest, by the seq that it begins at. */
  manifests: { key: string; start: number; end: number }[];
}

type PlacedBatch = Pick<ArchiveBatch, '_id' | 'startSeq' | 'endSeq'>;

/**
 * The archive of one ledger as a whole, for one run: what lies in the cold stores whatever the records say, and what the
 * records say of other batches. Asked where a record or an object is missing or another one, and listed once, when it is
 * asked first: a run in which much is missing does not list it all for each of them. Rejects with OBJECT_STORE codes.
 */
export class StoredArchive {
  private readonly listed = new Map<ColdPlaceName, Promise<Listed>>();
  private recorded: Promise<ReadonlyMap<unknown, PlacedBatch[]>> | undefined;
  /** Keys of manifests' names under which there is none. */
  private readonly refused = new Set<string>();

  constructor(
    private readonly cold: Pick<ColdStores, 'primary' | 'copy'>,
    private readonly batches: Pick<ArchiveBatches, 'between'>,
  ) {}

  /** Another key in the tenant's archive at which an object of the same name lies. */
  async elsewhere(key: string, view: ColdView): Promise<string | undefined> {
    const { keys } = await this.list(view);
    return keys.get(nameOf(key))?.find((found) => found !== key);
  }

  /** The signed manifest of a batch that holds this seq, if there is one. */
  async manifestOver(seq: number, view: ColdView): Promise<StoredManifest | undefined> {
    const { store, manifests } = await this.list(view);
    for (let at = firstAfter(manifests, seq) - 1; at >= 0; at--) {
      const { key, start, end } = manifests[at]!;
      if (start <= seq - MAX_BATCH_ENTRIES) break;
      if (end < seq || this.refused.has(key)) continue;
      const text = await smallBytes(store, key, MOST_BYTES, { signal: view.signal });
      const found = text && signedManifest(text, view.keys);
      const manifest = found && 'parsed' in found ? found.parsed.manifest : undefined;
      const isOfName = manifest?.tenant === view.tenant && manifest.startSeq === start && manifest.endSeq === end;
      if (isOfName) return { key, sha256: sha256Hex(text!), manifest };
      this.refused.add(key);
    }
    return undefined;
  }

  /** Another batch whose stored lines have this SHA-256, as the records say. */
  async batchOf(
    storedSha256: string,
    { _id, tenant }: Pick<ArchiveBatch, '_id' | 'tenant'>,
  ): Promise<PlacedBatch | undefined> {
    this.recorded ??= recordedIn(this.batches.between(tenant, 0, Number.MAX_SAFE_INTEGER));
    return (await this.recorded).get(storedSha256)?.find((other) => other._id !== _id);
  }

  private list({ tenant, place, signal }: ColdView): Promise<Listed> {
    const known = this.listed.get(place);
    if (known) return known;
    const listing = this.store(place).then((store) => listedIn(store, folderOf(tenant), signal));
    this.listed.set(place, listing);
    listing.catch(() => this.listed.delete(place)); // the next one asks again
    return listing;
  }

  private async store(place: ColdPlaceName): Promise<ObjectStore> {
    return (place === 'copy' ? await this.cold.copy() : undefined) ?? this.cold.primary();
  }
}

async function listedIn(store: ObjectStore, folder: string, signal: AbortSignal): Promise<Listed> {
  const keys: Listed['keys'] = new Map();
  const manifests: Listed['manifests'] = [];
  for await (const { key, bytes } of store.list(folder, { signal })) {
    const [, start, end] = MANIFEST.exec(key) ?? [];
    if (start !== undefined && bytes <= MOST_BYTES) manifests.push({ key, start: Number(start), end: Number(end) });
    add(keys, nameOf(key), key);
  }
  manifests.sort((a, b) => a.start - b.start);
  return { store, keys, manifests };
}

async function recordedIn(batches: AsyncIterable<ArchiveBatch>): Promise<ReadonlyMap<unknown, PlacedBatch[]>> {
  const found = new Map<unknown, PlacedBatch[]>();
  for await (const { _id, startSeq, endSeq, storedSha256 } of batches) {
    add(found, storedSha256, { _id, startSeq, endSeq });
  }
  return found;
}

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** Of the manifests that begin after `seq`, the first. */
function firstAfter(manifests: Listed['manifests'], seq: number): number {
  let [low, high] = [0, manifests.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (manifests[middle]!.start > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/'));

const folderOf = (tenant: string): string => `tenants/${tenant}/ledger/archive/`;
