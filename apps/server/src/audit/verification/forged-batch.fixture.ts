import {
  batchKeys,
  manifestText,
  packedBatch,
  parsedManifest,
  sha256Hex,
  type ArchiveManifest,
  type DsseSigning,
} from '#libs/archive';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import type { ArchivedLedger } from './archived-ledger.fixture.js';

export interface Forgery {
  /** Instead of the batch's own lines. */
  lines?: Buffer;
  /** Instead of what was put for the lines. */
  stored?: Buffer;
  manifest?: Partial<ArchiveManifest>;
  signing?: (own: DsseSigning) => DsseSigning;
}

/** Puts another batch in the place of one, signed by the service's own keys, and has the record name it. */
export async function forge(
  ledger: Pick<ArchivedLedger, 'room' | 'batches' | 'get' | 'put'>,
  batch: ArchiveBatch,
  forgery: Forgery,
): Promise<void> {
  const { manifest } = parsedManifest(await ledger.get(batch.manifestKey));
  const { stored = forgery.stored, ...packed } = forgery.lines ? await packedBatch(forgery.lines) : {};
  const put = stored ? { storedSha256: sha256Hex(stored), storedBytes: stored.length } : {};
  const key = 'sha256' in packed ? keyOf(batch, packed.sha256) : manifest.jsonl.key;
  const jsonl = { ...manifest.jsonl, ...packed, ...put, key };
  const own = await ownSigning(ledger, batch, manifest);
  const signing = forgery.signing?.(own) ?? own;
  const keyIds = [signing.signer.keyId, signing.mac.keyId];
  const text = Buffer.from(manifestText({ ...manifest, jsonl, ...forgery.manifest, keyIds }, signing));
  await ledger.put(batch.manifestKey, text);
  if (stored) await ledger.put(jsonl.key, stored);
  const { sha256, storedSha256, bytes: bytesUncompressed, storedBytes: bytesStored } = jsonl;
  const { endChainHash = manifest.endChainHash } = forgery.manifest ?? {};
  const says = {
    jsonlKey: jsonl.key,
    sha256,
    storedSha256,
    bytesUncompressed,
    bytesStored,
    endChainHash,
    manifestSha256: sha256Hex(text),
  };
  await ledger.batches.collection.updateOne({ _id: batch._id }, { $set: says });
}

const keyOf = (batch: ArchiveBatch, sha256: string): string => batchKeys({ ...batch, sha256 }).jsonlKey;

async function ownSigning(
  { room }: Pick<ArchivedLedger, 'room'>,
  batch: ArchiveBatch,
  { origin }: ArchiveManifest,
): Promise<DsseSigning> {
  const keys = room.module.get(AuditKeys);
  const keyId = keys.macIds.current;
  const mac = (bytes: Uint8Array): Uint8Array => keys.archiveMac(batch.tenant, bytes, keyId) as Uint8Array;
  return { signer: await keys.archiveSigner(batch.tenant, origin, batch.checkpointSize), mac: { keyId, mac } };
}
