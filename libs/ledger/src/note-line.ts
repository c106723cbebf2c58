import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesOfBase64, hexOf } from './bytes.js';
import { LedgerError } from './ledger.errors.js';
import { isKeyName } from './note-keys.js';
import type { VerifierKey } from './note-keys.js';
import type { NoteSignature } from './note.types.js';

const SIGNATURE_LINE = /^— ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/;

/** Reads `— <name> <base64(key id ‖ signature)>`, without its newline (C2SP signed-note). Throws NOTE_MALFORMED. */
export function signatureOfLine(line: string): NoteSignature {
  const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = encoded === undefined ? undefined : bytesOfBase64(encoded);
  if (name === undefined || !isKeyName(name) || bytes === undefined || bytes.length < 5) {
    throw malformedNote('signature lines of the form "— <name> <base64>"');
  }
  return { name, keyId: hexOf(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

/** RFC 8032 with canonical encodings only: what Go's crypto/ed25519 accepts. */
export const signatureIsBy = (
  { publicKey }: VerifierKey,
  { message, signature }: { message: Uint8Array; signature: Uint8Array },
): boolean => signature.length === 64 && ed25519.verify(signature, message, publicKey, { zip215: false });

export const malformedNote = (expected: string): LedgerError =>
  new LedgerError('LEDGER.NOTE_MALFORMED', `a signed note needs ${expected}`);
