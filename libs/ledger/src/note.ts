import { ed25519 } from '@noble/curves/ed25519.js';
import { base64Of, bytesOfHex, concatBytes, hexOf, utf8 } from './bytes.js';
import { verifyCosignature } from './cosignature.js';
import { LedgerError } from './ledger.errors.js';
import { isKeyName, keyIdOf } from './note-keys.js';
import type { VerifierKey } from './note-keys.js';
import { malformedNote as malformed, signatureIsBy, signatureOfLine } from './note-line.js';
import type { Note, NoteSignature, NoteSigner, VerifiedSignature } from './note.types.js';

// C2SP signed-note, as Go's golang.org/x/mod/sumdb/note reads and writes it.

const MAX_NOTE_CHARACTERS = 1_000_000;
const MAX_SIGNATURES = 100;

/** Splits a note. Throws NOTE_MALFORMED; verifies nothing. */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_CHARACTERS) throw malformed(`at most ${MAX_NOTE_CHARACTERS} characters`);
  if (!isNoteText(note)) throw malformed('well-formed text without control characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw malformed('a blank line before the signatures');
  const block = note.slice(split + 2);
  if (block === '' || !block.endsWith('\n')) throw malformed('signature lines that end with a newline');
  const lines = block.slice(0, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed(`at most ${MAX_SIGNATURES} signatures`);
  return { text: note.slice(0, split + 1), signatures: lines.map(signatureOfLine) };
}

/**
 * The signatures of `keys` on this note, each verified. Lines of unknown keys are ignored, as are repeated lines of a
 * key that already holds. Throws NOTE_MALFORMED, NOTE_SIGNATURE (a line of a known key does not hold), NOTE_KEY_UNKNOWN
 * (no line is of a known key) or NOTE_KEY_AMBIGUOUS (two different keys of one name and id were given).
 */
export function verifyNote(note: string, keys: readonly VerifierKey[]): Note & { verified: VerifiedSignature[] } {
  const parsed = parseNote(note);
  const verified = new Map<VerifierKey, VerifiedSignature>();
  for (const line of parsed.signatures) {
    const key = keyOf(line, keys);
    if (key !== undefined && !verified.has(key)) verified.set(key, verifiedSignature(parsed.text, line, key));
  }
  if (verified.size === 0) {
    const found = parsed.signatures.map(({ name, keyId }) => `${name}+${keyId}`).join(', ');
    throw new LedgerError('LEDGER.NOTE_KEY_UNKNOWN', `no signature by a known key; the note is signed by ${found}`);
  }
  return { ...parsed, verified: [...verified.values()] };
}

/** The note of `text`, which ends with a newline, with a line of every signer in this order. Throws NOTE_MALFORMED. */
export function signNote(text: string, ...signers: readonly NoteSigner[]): string {
  if (!text.endsWith('\n') || !isNoteText(text)) throw malformed('well-formed text that ends with a newline');
  return `${text}\n${signers.map((signer) => signatureLine(signer, text)).join('')}`;
}

/** One signature line, with its newline: to be put under a note that has others already. Throws NOTE_MALFORMED. */
export function signatureLine(signer: NoteSigner, text: string): string {
  const keyId = bytesOfHex(signer.keyId);
  if (!isKeyName(signer.name) || keyId?.length !== 4) throw malformed('a signer with a name and an 8-digit key id');
  return `— ${signer.name} ${base64Of(concatBytes(keyId, signer.sign(text)))}\n`;
}

/** Signs as `name` with an Ed25519 private key (its 32-byte seed), signature type 0x01. */
export function noteSigner(name: string, seed: Uint8Array): NoteSigner {
  const keyId = keyIdOf(name, 'ed25519', ed25519.getPublicKey(seed));
  return { name, keyId, sign: (text) => ed25519.sign(utf8(text), seed) };
}

function keyOf({ name, keyId }: NoteSignature, keys: readonly VerifierKey[]): VerifierKey | undefined {
  const [key, ...others] = keys.filter((known) => known.name === name && known.keyId === keyId);
  if (key !== undefined && others.some((other) => hexOf(other.publicKey) !== hexOf(key.publicKey))) {
    throw new LedgerError('LEDGER.NOTE_KEY_AMBIGUOUS', `two known keys are ${name}+${keyId}`);
  }
  return key;
}

/** A line of a known key that is not even as long as its type says does not hold either. */
function verifiedSignature(text: string, line: NoteSignature, key: VerifierKey): VerifiedSignature {
  if (key.algorithm === 'cosignature/v1') return { key, time: cosignedTime(text, line, key) };
  if (!signatureIsBy(key, { message: utf8(text), signature: line.signature })) throw doesNotHold(key);
  return { key };
}

function cosignedTime(noteText: string, signature: NoteSignature, key: VerifierKey): number {
  try {
    return verifyCosignature({ noteText, signature, verifierKey: key });
  } catch (cause) {
    throw doesNotHold(key, cause);
  }
}

const doesNotHold = ({ name, keyId }: VerifierKey, cause?: unknown): LedgerError =>
  new LedgerError('LEDGER.NOTE_SIGNATURE', `the signature of ${name}+${keyId} does not hold`, { cause });

/** Go's note.Open: nothing below 0x20 but newlines, and well-formed text. */
function isNoteText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 && text[i] !== '\n') return false;
  return !/\p{Surrogate}/u.test(text);
}
