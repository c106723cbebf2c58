import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { macKey } from '#libs/ledger';
import { ArchiveError } from './archive.errors.js';
import type { ArchivedLines, ArchiveKeyRing, BatchEncryption, BatchRange } from './archive.types.js';
import { sha256Hex } from './hex-digest.js';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
export const WRAPPED_BYTES = IV_BYTES + KEY_BYTES + TAG_BYTES;

/** What binds a ciphertext to its place: tenant, range and the SHA-256 of the uncompressed lines, a line each. */
const aadOf = ({ tenant, startSeq, endSeq }: BatchRange, sha256: string): Buffer =>
  Buffer.from(`assay archive v1\n${tenant}\n${startSeq}-${endSeq}\n${sha256}\n`, 'utf8');

/**
 * The gzip member under a data key of its own, which is wrapped with the ring's current key; the tag follows the
 * ciphertext. Data key and IVs are derived from the ring's key and the plaintext, so that a run that was killed after
 * its upload makes the very same object again, and no key ever meets two plaintexts. Throws KEY_MISSING.
 */
export function encryptedMember(
  member: Uint8Array,
  sha256: string,
  { ring, ...range }: BatchRange & { ring: ArchiveKeyRing },
): { stored: Buffer; encryption: BatchEncryption } {
  const keyId = ring.current;
  const ringKey = keyOf(ring, keyId);
  const aad = aadOf(range, sha256);
  const secret = derivedKey(ringKey, 'archive data', range.tenant, keyId as string);
  const salt = Buffer.from(sha256Hex(member), 'hex');
  const okm = Buffer.from(hkdfSync('sha256', secret, salt, aad, KEY_BYTES + 2 * IV_BYTES));
  const dataKey = okm.subarray(0, KEY_BYTES);
  const iv = okm.subarray(KEY_BYTES, KEY_BYTES + IV_BYTES);
  const wrapIv = okm.subarray(KEY_BYTES + IV_BYTES);
  const wrapKey = derivedKey(ringKey, 'archive wrap', range.tenant, keyId as string);
  const wrapped = Buffer.concat([wrapIv, sealed(wrapKey, wrapIv, aad, dataKey)]);
  return {
    stored: sealed(dataKey, iv, aad, member),
    encryption: {
      algorithm: 'AES-256-GCM',
      keyId: keyId as string,
      wrappedKey: wrapped.toString('base64'),
      iv: iv.toString('base64'),
    },
  };
}

/** The gzip member. Throws KEY_MISSING, or DECRYPT for bytes, keys or a place that do not belong together. */
export function decryptedMember(
  stored: Uint8Array,
  { sha256, encryption }: Pick<ArchivedLines, 'sha256'> & { encryption: BatchEncryption },
  { ring, ...range }: BatchRange & { ring: ArchiveKeyRing | undefined },
): Buffer {
  const aad = aadOf(range, sha256);
  const wrapKey = derivedKey(keyOf(ring, encryption.keyId), 'archive wrap', range.tenant, encryption.keyId);
  const wrapped = Buffer.from(encryption.wrappedKey, 'base64');
  const dataKey = opened(wrapKey, wrapped.subarray(0, IV_BYTES), aad, wrapped.subarray(IV_BYTES));
  return opened(dataKey, Buffer.from(encryption.iv, 'base64'), aad, stored);
}

/** HKDF-SHA-256 with the info ["assay", purpose, tenant, key id]: one use of a ring's key never meets another. */
const derivedKey = (ringKey: Uint8Array, purpose: string, tenant: string, keyId: string): Uint8Array =>
  macKey(ringKey, { purpose, tenant, keyId });

function sealed(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function opened(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, sealedBytes: Uint8Array): Buffer {
  if (sealedBytes.length < TAG_BYTES) throw notOurs();
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealedBytes.subarray(-TAG_BYTES));
  const plain = decipher.update(sealedBytes.subarray(0, -TAG_BYTES));
  try {
    decipher.final(); // GCM is a stream: it has no last block, and only tells whether the tag holds
    return plain;
  } catch (cause) {
    throw notOurs(cause);
  }
}

function keyOf(ring: ArchiveKeyRing | undefined, keyId: string | undefined): Uint8Array {
  const key = keyId === undefined ? undefined : ring?.key(keyId);
  if (key !== undefined) return key;
  const held = ring === undefined ? 'no ring' : `a ring of ${ring.ids.length} others`;
  throw new ArchiveError(
    'ARCHIVE.KEY_MISSING',
    `expected the archive key ${keyId ?? 'to encrypt with'}, found ${held}`,
  );
}

const notOurs = (cause?: unknown): ArchiveError =>
  new ArchiveError('ARCHIVE.DECRYPT', 'the tag does not hold: other bytes, another key or another batch', { cause });
