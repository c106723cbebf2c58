import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, utf8 } from './bytes.js';
import { LedgerError } from './ledger.errors.js';
import { keyIdOf } from './note-keys.js';
import type { VerifierKey } from './note-keys.js';
import { signatureIsBy, signatureOfLine } from './note-line.js';
import type { NoteSignature, NoteSigner } from './note.types.js';

// C2SP tlog-cosignature, cosignature/v1: Ed25519 with a time, signature type 0x04.

/** A line of this type, not verified. */
export interface Cosignature {
  readonly name: string;
  /** 8 lower-case hex digits. */
  readonly keyId: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** 64 bytes, Ed25519. */
  readonly signature: Uint8Array;
}

/**
 * Cosigns checkpoints as `name` at `time` (seconds since 1970) with an Ed25519 private key (its 32-byte seed): the
 * signature says that this cosigner saw the checkpoint then. 8 bytes of big-endian time, then 64 of signature.
 */
export function cosigner(name: string, seed: Uint8Array, time: number): NoteSigner {
  const keyId = keyIdOf(name, 'cosignature/v1', ed25519.getPublicKey(seed));
  const seconds = new Uint8Array(8);
  new DataView(seconds.buffer).setBigUint64(0, BigInt(time));
  return {
    name,
    keyId,
    sign: (text) => concatBytes(seconds, ed25519.sign(utf8(cosignedMessage(text, time)), seed)),
  };
}

/**
 * Reads a signature line (with or without its newline), or one of `parseNote`. Nothing in a line says its type but the
 * key it names, so any line of 72 bytes is read as one. Throws NOTE_MALFORMED or COSIGNATURE_MALFORMED.
 */
export function parseCosignature(line: string | NoteSignature): Cosignature {
  const { name, keyId, signature } =
    typeof line === 'string' ? signatureOfLine(line.endsWith('\n') ? line.slice(0, -1) : line) : line;
  const time = cosignatureTime(signature);
  if (time === undefined) {
    const found = signature.length === 72 ? 'a later time' : `${signature.length} bytes`;
    throw new LedgerError(
      'LEDGER.COSIGNATURE_MALFORMED',
      `a cosignature has 8 bytes of time, up to 2^53-1, and 64 of signature, found ${found}`,
    );
  }
  return { name, keyId, time, signature: signature.slice(8) };
}

export interface CosignatureClaim {
  /** The text of the note, without signatures; ends with a newline. */
  noteText: string;
  /** A signature line, or one of `parseNote`. */
  signature: string | NoteSignature;
  verifierKey: VerifierKey;
}

/**
 * The time, in seconds since 1970, at which this cosigner says it saw the checkpoint. Throws NOTE_MALFORMED,
 * COSIGNATURE_MALFORMED, COSIGNATURE_KEY (the line is of another key, or the key not one for cosignatures) or
 * NOTE_SIGNATURE.
 */
export function verifyCosignature({ noteText, signature, verifierKey }: CosignatureClaim): number {
  const cosignature = parseCosignature(signature);
  const expected = `${verifierKey.name}+${verifierKey.keyId}`;
  const found = `${cosignature.name}+${cosignature.keyId}`;
  if (verifierKey.algorithm !== 'cosignature/v1' || found !== expected) {
    throw new LedgerError(
      'LEDGER.COSIGNATURE_KEY',
      `a cosignature of ${found} under the ${verifierKey.algorithm} key ${expected}`,
    );
  }
  const message = utf8(cosignedMessage(noteText, cosignature.time));
  if (!signatureIsBy(verifierKey, { message, signature: cosignature.signature })) {
    throw new LedgerError('LEDGER.NOTE_SIGNATURE', `the signature of ${found} does not hold`);
  }
  return cosignature.time;
}

/** What a cosignature is over: two header lines, then the checkpoint's text. */
const cosignedMessage = (text: string, time: number): string => `cosignature/v1\ntime ${time}\n${text}`;

/** The time in a cosignature's bytes; undefined when their length or the time cannot be right. */
function cosignatureTime(signature: Uint8Array): number | undefined {
  if (signature.length !== 72) return undefined;
  const time = Number(new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0));
  return Number.isSafeInteger(time) ? time : undefined;
}
