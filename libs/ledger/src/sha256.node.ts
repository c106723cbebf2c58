import { hash } from 'node:crypto';

/**
 * SHA-256 (FIPS 180-4) of one byte string, 32 bytes. The digest leaves OpenSSL as a binary string because Node makes
 * one in half the time of a Buffer; hashing 65 bytes is what appending and verifying do most.
 */
export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = hash('sha256', bytes, 'binary');
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = digest.charCodeAt(i);
  return out;
}
