import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '#sha256';
import { base64Of, bytesOfBase64, concatBytes, hexOf, utf8 } from './bytes.js';
import { LedgerError } from './ledger.errors.js';

/** Signature types of C2SP signed-note and tlog-cosignature, by their first key byte. */
const ALGORITHMS = { ed25519: 0x01, 'cosignature/v1': 0x04 } as const;
export type NoteAlgorithm = keyof typeof ALGORITHMS;

/** A public key by which a note's signature line is known (C2SP signed-note, "vkey"). */
export interface VerifierKey {
  readonly name: string;
  /** 8 lower-case hex digits. */
  readonly keyId: string;
  readonly algorithm: NoteAlgorithm;
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
}

/** First 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), in hex (C2SP signed-note, "Signatures"). */
export function keyIdOf(name: string, algorithm: NoteAlgorithm, publicKey: Uint8Array): string {
  const digest = sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(ALGORITHMS[algorithm]), publicKey));
  return hexOf(digest.subarray(0, 4));
}

/** The key of this name over a 32-byte Ed25519 public key; throws VERIFIER_KEY_MALFORMED for a bad name or key. */
export function verifierKey(name: string, publicKey: Uint8Array, algorithm: NoteAlgorithm = 'ed25519'): VerifierKey {
  if (!isKeyName(name)) throw malformed('a name without spaces or "+"');
  if (!isPublicKey(publicKey)) throw malformed('an Ed25519 public key of 32 bytes');
  return { name, keyId: keyIdOf(name, algorithm, publicKey), algorithm, publicKey };
}

/** `<name>+<key id>+<base64(type ‖ public key)>`, one line without its newline. */
export const verifierKeyText = ({ name, keyId, algorithm, publicKey }: VerifierKey): string =>
  `${name}+${keyId}+${base64Of(concatBytes(Uint8Array.of(ALGORITHMS[algorithm]), publicKey))}`;

/** Throws VERIFIER_KEY_MALFORMED, VERIFIER_KEY_ALGORITHM (a type we do not know) or VERIFIER_KEY_ID (not this key's). */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, keyId, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  const bytes = encoded === undefined ? undefined : bytesOfBase64(encoded);
  if (name === undefined || bytes === undefined) throw malformed('<name>+<8 hex digits>+<base64>');
  const algorithm = (Object.keys(ALGORITHMS) as NoteAlgorithm[]).find((known) => ALGORITHMS[known] === bytes[0]);
  if (algorithm === undefined) {
    throw new LedgerError('LEDGER.VERIFIER_KEY_ALGORITHM', `a verifier key has type 1 or 4, found ${bytes[0]}`);
  }
  const key = verifierKey(name, bytes.slice(1), algorithm);
  if (key.keyId !== keyId) {
    throw new LedgerError('LEDGER.VERIFIER_KEY_ID', `the key of ${name} has id ${key.keyId}, its text says ${keyId}`);
  }
  return key;
}

/** Go's note.isValidName: not empty, no Unicode space, no plus; here also nothing that is not well-formed text. */
export const isKeyName = (name: string): boolean => name !== '' && !/[\s+\u0085\p{Cc}\p{Surrogate}]/u.test(name);

function isPublicKey(bytes: Uint8Array): boolean {
  return bytes.length === 32 && ed25519.utils.isValidPublicKey(bytes);
}

const malformed = (expected: string): LedgerError =>
  new LedgerError('LEDGER.VERIFIER_KEY_MALFORMED', `a verifier key needs ${expected}`);
