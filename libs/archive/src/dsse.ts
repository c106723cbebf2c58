import { createPublicKey, verify } from 'node:crypto';
import { bytesOfBase64, canonicalJson, type VerifierKey } from '#libs/ledger';
import { ArchiveError } from './archive.errors.js';
import { canonicalValue, hasMembers } from './canonical-text.js';
import { sha256Hex } from './hex-digest.js';

// DSSE v1.0.0 (secure-systems-lab/dsse, protocol.md and envelope.md), with one member of our own: "mac".

/** Signs the pre-authentication encoding with Ed25519. */
export interface DsseSigner {
  /** `<name>+<8 hex digits>`, as in the verifier key of the same private key (C2SP signed-note). */
  keyId: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** HMAC-SHA-256 over the same encoding. Never evidence: whoever can check it can forge it. */
export interface DsseMac {
  keyId: string;
  mac(bytes: Uint8Array): Uint8Array;
}

/** How a document is signed: both, always. */
export interface DsseSigning {
  signer: DsseSigner;
  mac: DsseMac;
}

export interface DsseSignature {
  keyid: string;
  /** Base64. */
  sig: string;
}

/** An envelope as it was found; nothing in it is verified. */
export interface DsseEnvelope {
  payloadType: string;
  payload: Buffer;
  signatures: DsseSignature[];
  mac: DsseSignature;
  /** SHA-256 of the text, in hex. */
  sha256: string;
}

/** SPKI of an Ed25519 public key up to its 32 bytes (RFC 8410 §4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body; lengths in bytes, decimal (DSSE protocol, "Signature Definition"). */
export function dssePae(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  const head = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `)]);
  return Buffer.concat([head, payload]);
}

/** The envelope's one text: RFC 8785, without a newline. */
export function envelopeText(payloadType: string, payload: Uint8Array, { signer, mac }: DsseSigning): string {
  const pae = dssePae(payloadType, payload);
  return canonicalJson({
    mac: { keyid: mac.keyId, sig: base64(mac.mac(pae)) },
    payload: base64(payload),
    payloadType,
    signatures: [{ keyid: signer.keyId, sig: base64(signer.sign(pae)) }],
  });
}

/** Reads the one text an envelope can have. Throws ENVELOPE_FORM; verifies nothing. */
export function parsedEnvelope(text: string | Uint8Array): DsseEnvelope {
  const found = canonicalValue(typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
  if (found === undefined || !isEnvelope(found.value)) {
    throw new ArchiveError(
      'ARCHIVE.ENVELOPE_FORM',
      'expected a DSSE envelope: {mac, payload, payloadType, signatures} in RFC 8785 and nothing else',
    );
  }
  const { payload, payloadType, signatures, mac } = found.value;
  return { payloadType, payload: Buffer.from(payload, 'base64'), signatures, mac, sha256: sha256Hex(found.text) };
}

/** Which of `keys` have signed it, as `<name>+<key id>`, and which of them stand beside a signature that does not hold. */
export function envelopeSigners(
  { payloadType, payload, signatures }: Pick<DsseEnvelope, 'payloadType' | 'payload' | 'signatures'>,
  keys: readonly VerifierKey[],
): { holding: string[]; failing: string[] } {
  const pae = dssePae(payloadType, payload);
  const result: { holding: string[]; failing: string[] } = { holding: [], failing: [] };
  for (const { keyid, sig } of signatures) {
    for (const key of keys) {
      if (key.algorithm !== 'ed25519' || `${key.name}+${key.keyId}` !== keyid) continue;
      const held = isSignature(key.publicKey, pae, Buffer.from(sig, 'base64'));
      (held ? result.holding : result.failing).push(keyid);
    }
  }
  return result;
}

function isSignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
  return signature.length === 64 && verify(null, message, key, signature);
}

interface EnvelopeJson {
  mac: DsseSignature;
  payload: string;
  payloadType: string;
  signatures: DsseSignature[];
}

function isEnvelope(value: unknown): value is EnvelopeJson {
  if (!hasMembers(value, ['mac', 'payload', 'payloadType', 'signatures'])) return false;
  const { mac, payload, payloadType, signatures } = value;
  return (
    typeof payloadType === 'string' &&
    isBase64(payload) &&
    isDsseSignature(mac) &&
    Array.isArray(signatures) &&
    signatures.length > 0 &&
    signatures.every(isDsseSignature)
  );
}

const isDsseSignature = (value: unknown): value is DsseSignature =>
  hasMembers(value, ['keyid', 'sig']) && typeof value['keyid'] === 'string' && isBase64(value['sig']);

const isBase64 = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && bytesOfBase64(value) !== undefined;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
