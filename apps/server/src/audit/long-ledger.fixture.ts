import { canonicalBytes, entryAt, entryId, formatCheckpoint, preparedEntry, signNote, TILE_WIDTH } from '#libs/ledger';
import type { LedgerEvent, StoredEntry } from '#libs/ledger';
import { applyIndexSteps, MongoStore } from '#libs/mongo';
import { HighWaterFiles } from './checkpoints/high-water-files.js';
import { emptyMark, grown, type Mark } from './domain/high-water-mark.js';
import { originOf } from './domain/origin.js';
import type { StoredCheckpoint } from './domain/stored-checkpoint.js';
import { storedTile, type StoredTile } from './domain/tile.js';
import { AuditKeys } from './keys/audit-keys.js';
import { auditIndexes } from './storage/audit.indexes.js';
import { Settings } from '../settings.js';

const BATCH = 4_096;
/** 65,536 entries a checkpoint, and one at the end. */
const CHECKPOINT_BATCHES = 16;

export interface LongLedger {
  dataDir: string;
  /** An external server; the embedded engine of the data folder without it. */
  uri?: string | undefined;
  tenant: string;
  entries: number;
  /** When its checkpoints were signed; now, unless it says otherwise. */
  signedAt?: Date;
}

/**
 * Writes a signed ledger into a data folder and its store, as the server would have after years: entries of
 * about 700 bytes, every full tile, checkpoints by the folder's own keys, the high-water mark. Fast, because it inserts
 * documents that are chained beforehand.
 */
export async function writeLongLedger({
  dataDir,
  uri,
  tenant,
  entries,
  signedAt = new Date(),
}: LongLedger): Promise<void> {
  const settings = new Settings({ ASSAY_DATA_DIR: dataDir, ASSAY_ROLES: 'ledger' });
  const store = await MongoStore.open({ uri, dataDir });
  try {
    await applyIndexSteps(store, auditIndexes);
    const keys = await AuditKeys.load(settings);
    const origin = originOf(settings.origin, tenant);
    await store
      .collection<{ _id: string }>('ledgers')
      .insertOne({ _id: tenant, origin, state: 'open', created_at: new Date() } as { _id: string });
    const tiles = new Tiles(store, tenant);
    let mark = emptyMark(origin);
    for (let batch = 1; mark.size < entries; batch++) {
      const stored = nextEntries(tenant, mark, Math.min(BATCH, entries - mark.size));
      await store.collection<StoredEntry>('ledger_entries').insertMany(stored, { ordered: true });
      await tiles.take(stored);
      mark = grownBy(mark, stored);
      if (batch % CHECKPOINT_BATCHES !== 0 && mark.size < entries) continue;
      await store
        .collection<StoredCheckpoint>('ledger_checkpoints')
        .insertOne(await checkpointOf(keys, tenant, mark, signedAt));
    }
    await new HighWaterFiles(settings).of(tenant).put(1, mark, 0);
    await store
      .collection<{ _id: string }>('ledger_heads')
      .insertOne({ _id: tenant, origin, size: mark.size, published_at: new Date() } as { _id: string });
  } finally {
    await store.close();
  }
}

function nextEntries(tenant: string, { size, chainHash }: Mark, count: number): StoredEntry[] {
  const stored: StoredEntry[] = [];
  let previous = chainHash;
  for (let seq = size; seq < size + count; seq++) {
    const event = eventAt(tenant, seq);
    const entry = entryAt(tenant, seq, previous, preparedEntry(event, bytesOf(event)));
    stored.push(entry);
    previous = entry.chain_hash;
  }
  return stored;
}

const template = new Map<string, [string, string]>();

/** The canonical bytes: of two events that differ in nothing but their ids, the rest is the same text. */
function bytesOf(event: LedgerEvent): Uint8Array {
  let around = template.get(event.scope.tenant);
  if (around === undefined) {
    const [before = '', after = ''] = Buffer.from(canonicalBytes(event)).toString('utf8').split(event.id);
    around = [before, after];
    template.set(event.scope.tenant, around);
  }
  return Buffer.from(around.join(event.id), 'utf8');
}

function eventAt(tenant: string, seq: number): LedgerEvent {
  const hex = seq.toString(16).padStart(12, '0');
  return {
    id: `019a5e00-0000-7000-8000-${hex}`,
    ts: '2026-11-01T00:00:00.000Z',
    kind: 'job.created',
    scope: { tenant },
    actor: { type: 'service', id: 'bench', client_id: 'bench', token_fingerprint: '0123456789abcdef' },
    refs: { job_id: '01a1fd8c-6900-7c93-814c-7f001b53c3ce', request_id: '5f0c6f0e-5d5c-4f36-8d35-0d3b1c7f5a10' },
    data: {
      model_sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      platform: '720',
      priority: 'normal',
      ref_images_count: 16,
    },
    meta: { schema: 1, service: 'assay', version: '0.1.0', env: 'bench', received_at: '2026-11-01T00:00:00.000Z' },
  };
}

function grownBy(mark: Mark, stored: readonly StoredEntry[]): Mark {
  const next = grown(mark, stored);
  if ('broken' in next) throw new Error(next.broken);
  return next;
}

async function checkpointOf(
  keys: AuditKeys,
  tenant: string,
  { origin, size, root }: Mark,
  signedAt: Date,
): Promise<StoredCheckpoint> {
  const text = formatCheckpoint({ origin, size, root });
  const { keyId, mac } = keys.noteMac(tenant, text);
  return {
    ...{ _id: entryId(tenant, size), tenant, origin, size, root, mac, mac_key_id: keyId, signed_at: signedAt },
    ...{ note: signNote(text, await keys.noteSigner(tenant, origin, size)), keep: ['hourly'] },
    ...{ cosignatures: [], cosigned: 0 },
  };
}

/** The tiles of all levels, each stored when it is full. */
class Tiles {
  private readonly partial: Uint8Array[][] = [];
  private readonly next: number[] = [];

  constructor(
    private readonly store: MongoStore,
    private readonly tenant: string,
  ) {}

  async take(entries: readonly StoredEntry[]): Promise<void> {
    const full: StoredTile[] = [];
    for (const { leaf_hash } of entries) this.add(0, leaf_hash, full);
    if (full.length > 0) await this.store.collection<StoredTile>('ledger_tiles').insertMany(full);
  }

  private add(level: number, hash: Uint8Array, full: StoredTile[]): void {
    const hashes = (this.partial[level] ??= []);
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    const index = this.next[level] ?? 0;
    const tile = storedTile(this.tenant, level, index, hashes);
    this.partial[level] = [];
    this.next[level] = index + 1;
    full.push(tile);
    this.add(level + 1, tile.root, full);
  }
}
