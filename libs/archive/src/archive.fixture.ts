import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import {
  canonicalBytes,
  chainHash,
  genesisHash,
  hexOf,
  leafHash,
  noteSigner,
  signNote,
  verifierKey,
  type LedgerEvent,
  type VerifierKey,
} from '#libs/ledger';
import type { ArchiveManifest, PackedBatch } from './archive.types.js';
import { batchKeys } from './batch-keys.js';
import { batchLines } from './batch-lines.js';
import type { DsseSigning } from './dsse.js';

export const TENANT = 'acme';
export const ORIGIN = `assay.test/ledger/${TENANT}`;
export const ARCHIVED_AT = '2026-11-21T03:00:00.000Z';

const SEED = Buffer.alloc(32, 7);
const PRIVATE = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), SEED]),
  format: 'der',
  type: 'pkcs8',
});
export const PUBLIC = createPublicKey(PRIVATE);
export const KEY: VerifierKey = verifierKey(
  ORIGIN,
  new Uint8Array(PUBLIC.export({ format: 'der', type: 'spki' }).subarray(-32)),
);
export const MAC_KEY = Buffer.alloc(32, 9);

export const SIGNING: DsseSigning = {
  signer: { keyId: `${KEY.name}+${KEY.keyId}`, sign: (bytes) => sign(null, bytes, PRIVATE) },
  mac: { keyId: '00112233445566aa', mac: (bytes) => createHmac('sha256', MAC_KEY).update(bytes).digest() },
};

export const macOf = (keyId: string, bytes: Uint8Array): Uint8Array | undefined =>
  keyId === SIGNING.mac.keyId ? SIGNING.mac.mac(bytes) : undefined;

/** Canonical bytes of the event at this seq. */
export function eventBytes(seq: number, tenant = TENANT): Uint8Array {
  const event: LedgerEvent = {
    id: `01a1fd8c-6900-7c93-814c-${seq.toString(16).padStart(12, '0')}`,
    ts: new Date(Date.UTC(2026, 7, 1) + seq).toISOString(),
    kind: 'job.created',
    scope: { tenant },
    actor: { type: 'service', id: 'test' },
    data: { step: seq },
    meta: { schema: 1, service: 'assay', version: '0.1.0', env: 'test', received_at: '2026-08-01T00:00:00.000Z' },
  };
  return canonicalBytes(event);
}

export const eventsOf = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => eventBytes(from + i));

/** Chain hash after these entries, from `previous` on. */
export const chainEnd = (entries: readonly Uint8Array[], previous = genesisHash(ORIGIN)): Uint8Array =>
  entries.reduce((chain, bytes) => chainHash(chain, leafHash(bytes)), previous);

/** The manifest of these entries from seq 0 on, as packed. */
export function manifestOf(entries: readonly Uint8Array[], packed: PackedBatch): ArchiveManifest {
  const { bytes, storedBytes, sha256, storedSha256, encoding, encryption } = packed;
  const range = { tenant: TENANT, startSeq: 0, endSeq: entries.length - 1 };
  const { jsonlKey: key } = batchKeys({ ...range, archivedAt: ARCHIVED_AT, sha256 });
  return {
    version: 1,
    ...range,
    origin: ORIGIN,
    eventCount: entries.length,
    minTs: '2026-08-01T00:00:00.000Z',
    maxTs: '2026-08-02T00:00:00.000Z',
    previousChainHash: hexOf(genesisHash(ORIGIN)),
    endChainHash: hexOf(chainEnd(entries)),
    checkpoint: checkpointOf(entries.length),
    jsonl: { key, bytes, storedBytes, sha256, storedSha256, encoding, ...(encryption && { encryption }) },
    previousManifestSha256: null,
    archivedAt: ARCHIVED_AT,
    keyIds: [SIGNING.signer.keyId, SIGNING.mac.keyId],
  };
}

export const checkpointOf = (size: number, origin = ORIGIN): string =>
  signNote(`${origin}\n${size}\n${Buffer.alloc(32, 1).toString('base64')}\n`, noteSigner(origin, SEED));

export const linesOf = (entries: readonly Uint8Array[]): Buffer => batchLines(entries);

/** The code of the error that `work` fails with, and what it returned if it did not. */
export async function codeThrownBy(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return 'nothing thrown';
}
