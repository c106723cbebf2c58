import type { Readable } from 'node:stream';
import { ArchiveError } from './archive.errors.js';
import type { ArchivedLines, ArchiveKeyRing } from './archive.types.js';
import { decryptedMember } from './batch-encryption.js';
import { rangeOfKey } from './batch-keys.js';
import { inflatedMember } from './gzip-member.js';
import { sha256Hex } from './hex-digest.js';
import { knownBytes } from './stored-bytes.js';

/**
 * The lines of one batch, of exactly the digests that its manifest gives. Nothing is decrypted before the stored bytes
 * are known, nothing is inflated beyond `jsonl.bytes`. Rejects with STORED_DIGEST, TRUNCATED, GZIP, GZIP_MEMBERS,
 * TRAILING_BYTES, BOMB, CONTENT_DIGEST, DECRYPT or KEY_MISSING; with whatever the stream fails with.
 */
export async function unpackedBatch(
  stored: Readable | Uint8Array,
  jsonl: ArchivedLines,
  keys?: ArchiveKeyRing,
): Promise<Buffer> {
  const bytes = await knownBytes(stored, jsonl);
  const { encryption, sha256 } = jsonl;
  const member =
    encryption === undefined
      ? bytes
      : decryptedMember(bytes, { sha256, encryption }, { ring: keys, ...rangeOfKey(jsonl.key) });
  const lines = await inflatedMember(member, jsonl.bytes);
  const found = sha256Hex(lines);
  if (found === sha256) return lines;
  throw new ArchiveError('ARCHIVE.CONTENT_DIGEST', `expected lines of SHA-256 ${sha256}, found ${found}`);
}
