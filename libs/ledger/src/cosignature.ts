import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, utf8 } from './bytes.js';
import { keyIdOf } from './note-keys.js';
import type { NoteSigner } from './note.types.js';

// C2SP tlog-cosignature, cosignature/v1: Ed25519 with a time, signature type 0x04.

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

/** What a cosignature is over: two header lines, then the checkpoint's text. */
export const cosignedMessage = (text: string, time: number): string => `cosignature/v1\ntime ${time}\n${text}`;

/** The time in a cosignature's bytes; undefined when their length or the time cannot be right. */
export function cosignatureTime(signature: Uint8Array): number | undefined {
  if (signature.length !== 72) return undefined;
  const time = Number(new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0));
  return Number.isSafeInteger(time) ? time : undefined;
}
