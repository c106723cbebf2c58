import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { StoredEntry } from '#libs/ledger';
import type { ObjectStore } from '#libs/object-store';
import { ArchiveRun } from '../archive/archive-run.js';
import { ColdStores } from '../cold/cold-stores.js';
import { startRoom, TENANT, type AuditRoom, type RoomOptions } from '../audit-room.fixture.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';

const DAY_MS = 86_400_000;

export interface ArchivedLedger {
  room: AuditRoom;
  batches: ArchiveBatches;
  cold: ObjectStore;
  /** In order of seq. */
  records(): Promise<ArchiveBatch[]>;
  /** Archives the next batch of 256 entries. */
  archive(): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Puts other bytes at a key, as whoever administers the store could. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** What undoes all that is done to records, objects and entries from now on. */
  kept(): Promise<() => Promise<void>>;
}

/** A ledger whose first entries are archived, 256 a batch, by the run itself; 60 entries more are hot. */
export async function archivedLedger(
  { ready, archived = ready }: { ready: number; archived?: number },
  options: RoomOptions = {},
): Promise<ArchivedLedger> {
  const room = await startRoom(options);
  const checkpoints = room.store.collection<{ signed_at: Date }>('ledger_checkpoints');
  const from = Date.now() - 1_000 * DAY_MS;
  for (let batch = 0; batch < ready; batch++) {
    await room.record(256, batch * 256);
    await room.sign();
    const untilNow = { signed_at: { $gt: new Date(Date.now() - DAY_MS) } };
    await checkpoints.updateMany(untilNow, { $set: { signed_at: new Date(from + batch * DAY_MS) } });
  }
  await room.record(60, ready * 256);
  await room.sign();
  const batches = room.module.get(ArchiveBatches);
  const cold = await room.module.get(ColdStores).primary();
  let next = 0;
  const ledger: ArchivedLedger = {
    room,
    batches,
    cold,
    records: async () => batches.collection.find({ tenant: TENANT }).sort({ startSeq: 1 }).toArray(),
    archive: async () => {
      const now = new Date(from + (next++ + 90.5) * DAY_MS);
      await room.module.get(ArchiveRun).runOnce(TENANT, now);
    },
    get: async (key) => buffer((await cold.get(key)).body),
    put: async (key, bytes) => {
      await cold.delete(key);
      await cold.put(key, bytes, { expectedSha256: createHash('sha256').update(bytes).digest('hex') });
    },
    kept: () => undoOf(ledger),
  };
  for (let batch = 0; batch < archived; batch++) await ledger.archive();
  return ledger;
}

async function undoOf(ledger: ArchivedLedger): Promise<() => Promise<void>> {
  const { room, batches, cold } = ledger;
  const kept = await ledger.records();
  const entries = await room.stored();
  const objects = new Map<string, Buffer>();
  for await (const { key } of cold.list('')) objects.set(key, await ledger.get(key));
  const hot = room.store.collection<StoredEntry>('ledger_entries');
  const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
  return async () => {
    if (!same(await ledger.records(), kept)) {
      await batches.collection.deleteMany({});
      await batches.collection.insertMany(kept);
    }
    if (!same(await room.stored(), entries)) {
      await hot.deleteMany({});
      await hot.insertMany(entries);
    }
    const left = new Set<string>();
    for await (const { key } of cold.list('')) {
      if (!objects.has(key)) await cold.delete(key);
      else if ((await ledger.get(key).catch(() => undefined))?.equals(objects.get(key)!)) left.add(key);
    }
    for (const [key, bytes] of objects) if (!left.has(key)) await ledger.put(key, bytes);
  };
}
