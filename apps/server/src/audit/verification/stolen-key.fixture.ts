import { buffer } from 'node:stream/consumers';
import type { AuditRoom } from '../audit-room.fixture.js';
import { ColdStores } from '../cold/cold-stores.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { PublicKeys } from '../keys/public-keys.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { forge } from './forged-batch.fixture.js';

/** Says that the note key is compromised in the ledger of this batch. */
export async function compromiseNoteKey({ module }: AuditRoom, { tenant }: ArchiveBatch): Promise<void> {
  const keys = module.get<AuditKeys>(AuditKeys);
  const { id } = keys.keys.find(({ purpose }) => purpose === 'note')!;
  await keys.compromise(id, { ledger: tenant, since_size: 0, at: new Date(0).toISOString() });
  await module.get(PublicKeys).publish();
}

/**
 * Gives a batch an old age, in its manifest and in its record, as somebody can who stole the note key and may write to
 * the cold store and the database, but has no key for MACs.
 */
export async function ageByThief(room: AuditRoom, batch: ArchiveBatch): Promise<void> {
  const batches = room.module.get(ArchiveBatches);
  const store = await room.module.get(ColdStores).primary();
  const get = async (key: string): Promise<Buffer> => buffer((await store.get(key)).body);
  const versions: Partial<Record<string, string>> = {};
  const put = async (key: string, bytes: Uint8Array): Promise<void> => {
    await store.delete(key);
    const { version } = await store.put(key, bytes);
    if (version !== undefined) versions[key] = version;
  };
  const old = { minTs: '2020-01-01T00:00:00.000Z', maxTs: '2020-01-02T00:00:00.000Z' };
  const mac = { keyId: '0'.repeat(16), mac: () => new Uint8Array(32) };
  await forge({ room, batches, get, put }, batch, { manifest: old, signing: (own) => ({ ...own, mac }) });
  const manifest = versions[batch.manifestKey];
  const said = { ...old, ...(manifest !== undefined && { 'versionIds.manifest': manifest }) };
  await batches.collection.updateOne({ _id: batch._id }, { $set: said });
}
