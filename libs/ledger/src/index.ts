export * from './ledger.errors.js';
export * from './event.types.js';
export {
  base64Of,
  base64urlOf,
  bytesOfBase64,
  bytesOfBase64url,
  bytesOfHex,
  concatBytes,
  equalBytes,
  hexOf,
} from './bytes.js';
export { canonicalJson } from './canonical-json.js';
export { canonicalBytes, formFaults, MAX_EVENT_BYTES, parseEvent } from './event.js';
export { checkData, eventKinds, personsIn, withPseudonyms } from './event-kinds.js';
export type { DataOf, EventKind, FieldForm, ScalarForm, ValueForm } from './event-kinds.js';
export { eventDigest, signEvent, verifyEventSignature } from './event-signature.js';
export { TENANT_PATTERN } from './forms.js';
export { chainHash, EMPTY_ROOT, genesisHash, HASH_BYTES, leafHash, nodeHash } from './hashes.js';
export * from './tree.js';
export * from './tiles.js';
export * from './tile-tree.js';
export * from './tlog-proof.js';
export { CompactRange } from './compact-range.js';
export type { CompactRangeState } from './compact-range.js';
export { entryAt, entryId, entryOf, preparedEntry } from './entry.js';
export type { EntryInput, PreparedEntry, StoredEntry } from './entry.js';
export { keyIdOf, parseVerifierKey, verifierKey, verifierKeyText } from './note-keys.js';
export type { NoteAlgorithm, VerifierKey } from './note-keys.js';
export { noteSigner, parseNote, signatureLine, signNote, verifyNote } from './note.js';
export * from './note.types.js';
export { cosigner, parseCosignature, verifyCosignature } from './cosignature.js';
export type { Cosignature, CosignatureClaim } from './cosignature.js';
export { formatCheckpoint, parseCheckpoint, verifyCheckpoint } from './checkpoint.js';
export type { Checkpoint } from './checkpoint.js';
export { macKey, noteMac } from './note-mac.js';
export type { MacKeyUse } from './note-mac.js';
export { LedgerVerifier } from './verification/ledger-verifier.js';
export type * from './verification/report.types.js';
export { reportText } from './verification/report-text.js';
export { verifyTlog } from './verification/tlog-verifier.js';
export type { TlogOptions } from './verification/tlog.types.js';
export type { TlogSource } from './verification/tlog-source.js';
export { formatAddCheckpoint, parseAddCheckpoint } from './witness/add-checkpoint.js';
export type { AddCheckpoint } from './witness/add-checkpoint.js';
export { isWitnessed, parsePolicy } from './witness/policy.js';
export type { PolicyLog, PolicyWitness, WitnessPolicy } from './witness/policy.js';
export { CleanSegment } from './verification/segment.js';
export type { SegmentDigest, SegmentOptions } from './verification/segment.js';
export type { VerifierState } from './verification/verifier-state.js';
export { subtreeRootsFrom } from './verification/outside.js';
