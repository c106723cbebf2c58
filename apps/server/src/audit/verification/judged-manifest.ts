import { hasCode } from '#libs/kernel';
import {
  parsedManifest,
  sha256Hex,
  verifyManifest,
  verifyEnvelopeMac,
  type ArchiveErrorCode,
  type ArchiveManifest,
  type ParsedManifest,
} from '#libs/archive';
import { parseCheckpoint, parseNote, type VerifierKey } from '#libs/ledger';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import type { BatchFault } from './archive-fault.js';

/** What is left of a manifest's word. */
export interface JudgedManifest {
  /** Present where a known key has signed it and it is of this batch. */
  manifest?: ArchiveManifest;
  /** `<name>+<key id>` of that key. */
  signer?: string;
  /** SHA-256 of the text. */
  sha256: string;
  /** Its one cause, where it is not what the record says and a key has signed. */
  fault?: BatchFault;
}

export interface ManifestJudge {
  keys: readonly VerifierKey[];
  /** The MAC of the bytes by that key; undefined for a key that is not at hand. */
  macOf: (keyId: string, bytes: Uint8Array) => Uint8Array | undefined;
}

/**
 * Holds a manifest's text to the record of its batch and to the keys. Another text than the recorded one is known from the
 * digest alone; the signature then tells whether the text or the record was changed, and which of the two is believed.
 */
export function judgedManifest(text: Uint8Array, record: ArchiveBatch, judge: ManifestJudge): JudgedManifest {
  const sha256 = sha256Hex(text);
  const recorded = sha256 === record.manifestSha256;
  const changed = { class: 'manifest_changed', field: 'manifest' } as const;
  const digests = { stored: record.manifestSha256, recomputed: sha256 };
  const otherText = (why: string): JudgedManifest => ({
    sha256,
    fault: { ...changed, code: 'ARCHIVE.MANIFEST_DIGEST', ...digests, reason: `the manifest is another text: ${why}` },
  });
  const found = signedManifest(text, judge.keys);
  if ('code' in found) {
    if (!recorded) return otherText(found.message);
    const unknown = found.code === 'ARCHIVE.MANIFEST_KEY_UNKNOWN';
    const kind = unknown ? ({ class: 'key_unknown', field: 'manifest', verdict: 'cannot_check' } as const) : changed;
    return { sha256, fault: { ...kind, code: found.code, reason: found.message } };
  }
  const { parsed, signer } = found;
  const { manifest } = parsed;
  const word = { manifest, signer, sha256 };
  if (!recorded && !isOf(manifest, record)) {
    const { tenant, startSeq, endSeq } = manifest;
    const reason = `the signed manifest of seq ${startSeq} to ${endSeq} of ${tenant} lies in its place`;
    return { sha256, fault: { ...changed, code: 'ARCHIVE.MANIFEST_OTHER', ...digests, reason } };
  }
  if (!recorded)
    return { ...otherText('its signature holds, so the digest in the record may be what was changed'), ...word };
  if (manifest.tenant !== record.tenant) {
    return { sha256, fault: { ...changed, code: 'ARCHIVE.MANIFEST_OTHER', reason: `it is ${manifest.tenant}'s` } };
  }
  const fault = macFault(parsed, judge) ?? recordFault(record, manifest);
  return fault ? { ...word, fault } : word;
}

/** The first field in which the record is not what the manifest says. */
export function recordFault(record: ArchiveBatch, manifest: ArchiveManifest): BatchFault | undefined {
  for (const [field, expected] of Object.entries(recordOf(manifest))) {
    const found = recordValue(record, field);
    if (found === expected) continue;
    const shown = { stored: shortText(found), recomputed: shortText(expected) };
    const reason = `${field} of the record is not what the signed manifest says`;
    return { class: 'manifest_changed', code: 'ARCHIVE.RECORD_CHANGED', field, ...shown, reason };
  }
  return undefined;
}

/** Of the tree of its covering checkpoint. */
export const sizeOf = ({ checkpoint }: ArchiveManifest): number => parseCheckpoint(parseNote(checkpoint).text).size;

const shortText = (value: unknown): string => (JSON.stringify(value) ?? 'none').slice(0, 128);

/** What a manifest says, by the names that it has in a record. */
function recordOf(manifest: ArchiveManifest): Record<string, string | number | null | undefined> {
  const { startSeq, endSeq, eventCount, minTs, maxTs, previousChainHash, endChainHash, jsonl } = manifest;
  return {
    ...{ startSeq, endSeq, eventCount, minTs, maxTs, previousChainHash, endChainHash },
    ...{ jsonlKey: jsonl.key, sha256: jsonl.sha256, storedSha256: jsonl.storedSha256 },
    ...{ bytesUncompressed: jsonl.bytes, bytesStored: jsonl.storedBytes },
    previousManifestSha256: manifest.previousManifestSha256,
    archivedAt: manifest.archivedAt,
    checkpointSize: sizeOf(manifest),
    'versionIds.jsonl': jsonl.versionId,
    'encryption.keyId': jsonl.encryption?.keyId,
  };
}

/** The store may hold anything. */
function recordValue(record: ArchiveBatch, field: string): unknown {
  if (field === 'versionIds.jsonl') return (record.versionIds as ArchiveBatch['versionIds'] | undefined)?.jsonl;
  if (field === 'encryption.keyId') return (record.encryption as ArchiveBatch['encryption'] | undefined)?.keyId;
  const value: unknown = (record as unknown as Record<string, unknown>)[field];
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
}

const isOf = ({ tenant, startSeq, endSeq }: ArchiveManifest, record: ArchiveBatch): boolean =>
  tenant === record.tenant && startSeq === record.startSeq && endSeq === record.endSeq;

type Signed = { parsed: ParsedManifest; signer: string };

/** A manifest that a known key has signed, whosever batch it is of; or what is wrong with it. */
export function signedManifest(
  text: Uint8Array,
  keys: readonly VerifierKey[],
): Signed | { code: ArchiveErrorCode; message: string } {
  try {
    const parsed = parsedManifest(text);
    return { parsed, signer: verifyManifest(parsed, keys)[0] as string };
  } catch (error) {
    return archiveRefusal(error);
  }
}

/** Rethrows what is no refusal of `#libs/archive`. */
export function archiveRefusal(error: unknown): { code: ArchiveErrorCode; message: string } {
  if (hasCode<ArchiveErrorCode>(error) && error.code.startsWith('ARCHIVE.')) {
    return { code: error.code, message: error.message };
  }
  throw error;
}

/** A MAC by a key that is not at hand says nothing: the signature is the evidence. */
function macFault(parsed: ParsedManifest, { macOf }: ManifestJudge): BatchFault | undefined {
  try {
    verifyEnvelopeMac(parsed, macOf);
    return undefined;
  } catch (error) {
    const { code, message } = archiveRefusal(error);
    if (code === 'ARCHIVE.MAC_KEY_UNKNOWN') return undefined;
    return { class: 'manifest_changed', code, field: 'mac', reason: message };
  }
}
