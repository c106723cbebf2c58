import { timingSafeEqual } from 'node:crypto';
import { canonicalJson, type VerifierKey } from '#libs/ledger';
import { ArchiveError } from './archive.errors.js';
import type { ArchiveManifest, BatchRange } from './archive.types.js';
import { canonicalValue } from './canonical-text.js';
import { dssePae, envelopeSigners, envelopeText, parsedEnvelope, type DsseEnvelope, type DsseSigning } from './dsse.js';
import { manifestFault } from './manifest-form.js';

export const MANIFEST_TYPE = 'application/vnd.assay.archive-manifest.v1+json';

/** A manifest as it was found: its form holds, nothing in it is verified. */
export interface ParsedManifest extends DsseEnvelope {
  manifest: ArchiveManifest;
}

/** The manifest's object: a DSSE envelope over its RFC 8785 form. Throws MANIFEST_FORM, for other `keyIds` than the signers' too. */
export function manifestText(manifest: ArchiveManifest, signing: DsseSigning): string {
  assertForm(manifest);
  assertKeyIds(manifest, [signing.signer.keyId, signing.mac.keyId]);
  return envelopeText(MANIFEST_TYPE, Buffer.from(canonicalJson(manifest), 'utf8'), signing);
}

/**
 * Reads a manifest's object. Throws MANIFEST_FORM for anything but the one text that a manifest can have; verifies no
 * signature. `sha256` is what the batch record and the next manifest know it by.
 */
export function parsedManifest(text: string | Uint8Array): ParsedManifest {
  const envelope = envelopeOf(text);
  if (envelope.payloadType !== MANIFEST_TYPE) throw noManifest(`the payload type ${MANIFEST_TYPE}`);
  const value = canonicalValue(envelope.payload)?.value;
  assertForm(value);
  assertKeyIds(
    value,
    [...envelope.signatures, envelope.mac].map(({ keyid }) => keyid),
  );
  return { ...envelope, manifest: value };
}

/** Throws MANIFEST_DIGEST unless this is the text with that SHA-256: no key is needed to know a changed manifest. */
export function assertManifestDigest({ sha256 }: Pick<ParsedManifest, 'sha256'>, expected: string): void {
  if (sha256 === expected) return;
  throw new ArchiveError('ARCHIVE.MANIFEST_DIGEST', `expected a manifest of SHA-256 ${expected}, found ${sha256}`);
}

/** Throws MANIFEST_OTHER unless it is the manifest of this batch: one that was moved, or swapped with another's, is whole. */
export function assertManifestOf({ manifest }: Pick<ParsedManifest, 'manifest'>, expected: BatchRange): void {
  if (rangeText(manifest) === rangeText(expected)) return;
  throw new ArchiveError(
    'ARCHIVE.MANIFEST_OTHER',
    `expected the manifest of ${rangeText(expected)}, found that of ${rangeText(manifest)}`,
  );
}

/**
 * Which of these keys signed it, as `<name>+<key id>`. Throws MANIFEST_SIGNATURE when the signature of a known key does
 * not hold, MANIFEST_KEY_UNKNOWN when none is by a known key.
 */
export function verifyManifest(parsed: ParsedManifest, keys: readonly VerifierKey[]): string[] {
  const { holding, failing } = envelopeSigners(parsed, keys);
  if (failing.length > 0) {
    throw new ArchiveError('ARCHIVE.MANIFEST_SIGNATURE', `the signature of ${failing.join(', ')} does not hold`);
  }
  if (holding.length > 0) return holding;
  const found = parsed.signatures.map(({ keyid }) => keyid).join(', ');
  throw new ArchiveError('ARCHIVE.MANIFEST_KEY_UNKNOWN', `no signature by a known key; it is signed by ${found}`);
}

/**
 * Checks the MAC with what `macOf` gives for the key id and the pre-authentication encoding, undefined for a key it does
 * not hold. Throws MANIFEST_MAC or MAC_KEY_UNKNOWN.
 */
export function verifyEnvelopeMac(
  { payloadType, payload, mac }: Pick<DsseEnvelope, 'payloadType' | 'payload' | 'mac'>,
  macOf: (keyId: string, bytes: Uint8Array) => Uint8Array | undefined,
): void {
  const expected = macOf(mac.keyid, dssePae(payloadType, payload));
  if (expected === undefined) {
    throw new ArchiveError('ARCHIVE.MAC_KEY_UNKNOWN', `no key ${mac.keyid} to check the MAC with`);
  }
  const found = Buffer.from(mac.sig, 'base64');
  if (found.length === expected.length && timingSafeEqual(found, expected)) return;
  throw new ArchiveError('ARCHIVE.MANIFEST_MAC', `the MAC by ${mac.keyid} does not hold`);
}

function envelopeOf(text: string | Uint8Array): DsseEnvelope {
  try {
    return parsedEnvelope(text);
  } catch (cause) {
    throw noManifest('a DSSE envelope in its one form', cause);
  }
}

function assertForm(value: unknown): asserts value is ArchiveManifest {
  const fault = manifestFault(value);
  if (fault !== undefined) throw noManifest(fault);
}

function assertKeyIds({ keyIds }: ArchiveManifest, expected: readonly string[]): void {
  if (keyIds.join('\n') === expected.join('\n')) return;
  throw noManifest(`keyIds ${expected.join(', ')}: the keys under the envelope, found ${keyIds.join(', ')}`);
}

const rangeText = ({ tenant, startSeq, endSeq }: BatchRange): string => `${tenant} ${startSeq}-${endSeq}`;

const noManifest = (expected: string, cause?: unknown): ArchiveError =>
  new ArchiveError('ARCHIVE.MANIFEST_FORM', `expected a manifest with ${expected}`, { cause });
