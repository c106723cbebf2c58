import { bytesOfBase64, parseCheckpoint, parseNote, TENANT_PATTERN } from '#libs/ledger';
import type { ArchiveManifest } from './archive.types.js';
import { WRAPPED_BYTES } from './batch-encryption.js';
import { batchKeys } from './batch-keys.js';
import { MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_STORED_BYTES } from './batch-lines.js';
import { hasMembers } from './canonical-text.js';

const MEMBERS = [
  ...['archivedAt', 'checkpoint', 'endChainHash', 'endSeq', 'eventCount', 'jsonl', 'keyIds', 'maxTs', 'minTs'],
  ...['origin', 'previousChainHash', 'previousManifestSha256', 'startSeq', 'tenant', 'version'],
];
const JSONL = ['bytes', 'encoding', 'key', 'sha256', 'storedBytes', 'storedSha256'];
const ENCRYPTION = ['algorithm', 'iv', 'keyId', 'wrappedKey'];

/** The first member of a manifest that is not what it has to be; undefined for a manifest whose members fit each other. */
export function manifestFault(value: unknown): string | undefined {
  if (!hasMembers(value, MEMBERS)) return 'exactly the members of a manifest';
  const manifest = value as unknown as ArchiveManifest;
  const fault = FORMS.find(([, holds]) => !holds(manifest));
  return fault?.[0];
}

const FORMS: readonly [string, (manifest: ArchiveManifest) => boolean][] = [
  ['version 1', ({ version }) => version === 1],
  ['tenant: a tenant id', ({ tenant }) => typeof tenant === 'string' && TENANT_PATTERN.test(tenant)],
  ['origin: a text', ({ origin }) => typeof origin === 'string'],
  ['startSeq and endSeq: a range', ({ startSeq, endSeq }) => isSeq(startSeq) && isSeq(endSeq) && startSeq <= endSeq],
  [
    `eventCount: as many as the range has, at most ${MAX_BATCH_ENTRIES}`,
    ({ startSeq, endSeq, eventCount }) => eventCount === endSeq - startSeq + 1 && eventCount <= MAX_BATCH_ENTRIES,
  ],
  ['minTs and maxTs: times', ({ minTs, maxTs }) => isTime(minTs) && isTime(maxTs) && minTs <= maxTs],
  ['archivedAt: a time', ({ archivedAt }) => isTime(archivedAt)],
  ['previousChainHash and endChainHash: hashes', (m) => isDigest(m.previousChainHash) && isDigest(m.endChainHash)],
  ['previousManifestSha256: a digest or null', (m) => isDigestOrNull(m.previousManifestSha256)],
  ['keyIds: two key ids', ({ keyIds }) => isKeyIds(keyIds)],
  ['jsonl: exactly its members', ({ jsonl }) => hasMembers(jsonl, JSONL, ['encryption', 'versionId'])],
  ['jsonl.encoding: gzip', ({ jsonl }) => jsonl.encoding === 'gzip'],
  ['jsonl.sha256 and storedSha256: digests', ({ jsonl }) => isDigest(jsonl.sha256) && isDigest(jsonl.storedSha256)],
  [`jsonl.bytes: 1 to ${MAX_BATCH_BYTES}`, ({ jsonl }) => isSize(jsonl.bytes, MAX_BATCH_BYTES)],
  [`jsonl.storedBytes: 1 to ${MAX_STORED_BYTES}`, ({ jsonl }) => isSize(jsonl.storedBytes, MAX_STORED_BYTES)],
  ['jsonl.versionId: a text', ({ jsonl }) => isTextIfThere(jsonl.versionId)],
  ['jsonl.encryption: a way we know', ({ jsonl }) => isEncryptionIfThere(jsonl.encryption)],
  ['jsonl.key: the key of this batch', (manifest) => manifest.jsonl.key === keyOf(manifest)],
  ['checkpoint: a note of this origin that covers the range', isCovering],
];

const keyOf = (manifest: ArchiveManifest): string => batchKeys({ ...manifest, sha256: manifest.jsonl.sha256 }).jsonlKey;

function isCovering({ checkpoint, origin, endSeq }: ArchiveManifest): boolean {
  try {
    const { origin: signed, size } = parseCheckpoint(parseNote(checkpoint).text);
    return signed === origin && size > endSeq;
  } catch {
    return false;
  }
}

const isSeq = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const isSize = (value: unknown, most: number): boolean =>
  isSeq(value) && (value as number) > 0 && (value as number) <= most;

const isDigest = (value: unknown): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const isDigestOrNull = (value: unknown): boolean => value === null || isDigest(value);

const isTextIfThere = (value: unknown): boolean => value === undefined || typeof value === 'string';

const isKeyIds = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((id) => typeof id === 'string' && id !== '');

function isTime(value: unknown): boolean {
  const time = typeof value === 'string' ? new Date(value) : undefined;
  return time !== undefined && !Number.isNaN(time.getTime()) && time.toISOString() === value;
}

function isEncryptionIfThere(value: unknown): boolean {
  if (value === undefined) return true;
  if (!hasMembers(value, ENCRYPTION) || value['algorithm'] !== 'AES-256-GCM') return false;
  const bytesIn = (base64: unknown): number | undefined =>
    typeof base64 === 'string' ? bytesOfBase64(base64)?.length : undefined;
  return (
    typeof value['keyId'] === 'string' && bytesIn(value['iv']) === 12 && bytesIn(value['wrappedKey']) === WRAPPED_BYTES
  );
}
