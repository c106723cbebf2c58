export { ArchiveError } from './archive.errors.js';
export type { ArchiveErrorCode } from './archive.errors.js';
export type * from './archive.types.js';
export { batchLines, linesOfBatch, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_STORED_BYTES } from './batch-lines.js';
export { batchKeys } from './batch-keys.js';
export { packedBatch } from './packed-batch.js';
export { unpackedBatch } from './unpacked-batch.js';
export { storedBytesFault } from './stored-bytes.js';
export { archivedEntries } from './archived-entries.js';
export type { ArchivedEvent } from './archived-entries.js';
export { envelopeSigners, envelopeText, parsedEnvelope } from './dsse.js';
export type { DsseEnvelope, DsseSigning } from './dsse.js';
export {
  assertManifestDigest,
  assertManifestOf,
  manifestText,
  parsedManifest,
  verifyManifest,
  verifyEnvelopeMac,
} from './manifest.js';
export type { ParsedManifest } from './manifest.js';
export { archiveRingText, parsedArchiveRing, rotatedArchiveRing } from './archive-ring.js';
export { sha256Hex } from './hex-digest.js';
