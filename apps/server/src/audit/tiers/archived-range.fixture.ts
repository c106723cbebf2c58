import { batchKeys, batchLines, manifestText, packedBatch, sha256Hex, type ArchiveManifest } from '#libs/archive';
import { uuidv7 } from '#libs/kernel';
import { genesisHash, hexOf, parseCheckpoint, parseNote, type StoredEntry } from '#libs/ledger';
import { TENANT, type AuditRoom } from '../audit-room.fixture.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { signedNoteOf } from '../domain/stored-checkpoint.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { ColdStores } from '../cold/cold-stores.js';

interface RangeOptions {
  encrypt?: boolean;
  /** `recorded` leaves the entries in hot storage. */
  state?: ArchiveBatch['state'];
}

const ORIGIN = `assay.test/ledger/${TENANT}`;

/** Archives the entries `from` to before `to` of a signed room, of any age and number, as a run would have done. */
export async function archiveRange(
  room: AuditRoom,
  from: number,
  to: number,
  { encrypt = false, state = 'done' }: RangeOptions = {},
): Promise<ArchiveBatch> {
  const [batches, cold] = [room.module.get(ArchiveBatches), room.module.get(ColdStores)];
  const entries = (await room.stored()).filter(({ seq }) => seq >= from && seq < to);
  const said = await rangeOf(room, entries);
  const keys = room.module.get(AuditKeys);
  const range = { tenant: TENANT, startSeq: from, endSeq: to - 1 };
  const lines = batchLines(entries.map(({ bytes }) => bytes));
  const ring = encrypt ? { encrypt: { ring: await keys.archiveRingToWrite(), ...range } } : {};
  const { stored, ...packed } = await packedBatch(lines, ring);
  const archivedAt = new Date();
  const at = batchKeys({ ...range, archivedAt: archivedAt.toISOString(), sha256: packed.sha256 });
  const signer = await keys.archiveSigner(TENANT, ORIGIN, to);
  const macKeyId = keys.macIds.current;
  const manifest: ArchiveManifest = {
    ...{ version: 1, ...range, origin: ORIGIN, eventCount: entries.length, ...said },
    jsonl: { key: at.jsonlKey, ...packed },
    previousManifestSha256: (await batches.newest(TENANT))?.manifestSha256 ?? null,
    archivedAt: archivedAt.toISOString(),
    keyIds: [signer.keyId, macKeyId],
  };
  const text = manifestText(manifest, {
    signer,
    mac: { keyId: macKeyId, mac: (bytes) => keys.archiveMac(TENANT, bytes, macKeyId) as Uint8Array },
  });
  const store = await cold.primary();
  await store.put(at.jsonlKey, stored);
  await store.put(at.manifestKey, Buffer.from(text));
  const batch = recordOf(manifest, at, { state, text, entries });
  await batches.add(batch);
  if (state !== 'recorded') {
    await room.module.get(LedgerEntries).collection.deleteMany({ tenant: TENANT, seq: { $gte: from, $lt: to } });
  }
  return batch;
}

type SaidOfRange = Pick<ArchiveManifest, 'minTs' | 'maxTs' | 'previousChainHash' | 'endChainHash' | 'checkpoint'>;

async function rangeOf(room: AuditRoom, entries: readonly StoredEntry[]): Promise<SaidOfRange> {
  const [first, last] = [entries[0]!, entries.at(-1)!];
  const times = entries.map(({ ts }) => ts).sort();
  const before = (await room.module.get(ArchiveBatches).newest(TENANT))?.endChainHash;
  const checkpoint = await room.module.get(Checkpoints).newest(TENANT);
  return {
    minTs: times[0]!,
    maxTs: times.at(-1)!,
    previousChainHash: first.seq === 0 ? hexOf(genesisHash(ORIGIN)) : before!,
    endChainHash: hexOf(last.chain_hash),
    checkpoint: signedNoteOf(checkpoint!),
  };
}

function recordOf(
  manifest: ArchiveManifest,
  at: { jsonlKey: string; manifestKey: string },
  { state, text, entries }: { state: ArchiveBatch['state']; text: string; entries: readonly StoredEntry[] },
): ArchiveBatch {
  const ids = entries.map(({ event_id }) => event_id).sort();
  const { tenant, startSeq, endSeq, eventCount, minTs, maxTs, jsonl, ...rest } = manifest;
  return {
    ...{ _id: uuidv7(), tenant, archivedAt: new Date(rest.archivedAt), startSeq, endSeq, eventCount, minTs, maxTs },
    ...{ ...at, manifestSha256: sha256Hex(text), sha256: jsonl.sha256, storedSha256: jsonl.storedSha256 },
    ...{ bytesUncompressed: jsonl.bytes, bytesStored: jsonl.storedBytes, versionIds: {} },
    ...{ minEventId: ids[0]!, maxEventId: ids.at(-1)! },
    ...{ previousChainHash: rest.previousChainHash, endChainHash: rest.endChainHash },
    ...{
      previousManifestSha256: rest.previousManifestSha256,
      checkpointSize: parseCheckpoint(parseNote(rest.checkpoint).text).size,
    },
    ...{ retention: { mode: null, until: null }, state },
    encryption: jsonl.encryption ? { algorithm: jsonl.encryption.algorithm, keyId: jsonl.encryption.keyId } : null,
  };
}
