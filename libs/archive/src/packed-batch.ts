import type { ArchiveKeyRing, BatchRange, PackedBatch } from './archive.types.js';
import { encryptedMember } from './batch-encryption.js';
import { gzipMember } from './gzip-member.js';
import { sha256Hex } from './hex-digest.js';

/**
 * The object to put for these lines, and what the manifest says of it; encrypted under the ring's current key for this
 * range when a ring is given. Rejects with KEY_MISSING.
 */
export async function packedBatch(
  lines: Uint8Array,
  { encrypt }: { encrypt?: (BatchRange & { ring: ArchiveKeyRing }) | undefined } = {},
): Promise<PackedBatch> {
  const sha256 = sha256Hex(lines);
  const member = await gzipMember(lines);
  const { stored, ...encryption } = encrypt ? encryptedMember(member, sha256, encrypt) : { stored: member };
  return {
    stored,
    bytes: lines.length,
    storedBytes: stored.length,
    sha256,
    storedSha256: sha256Hex(stored),
    encoding: 'gzip',
    ...encryption,
  };
}
