import { createHash } from 'node:crypto';

/** SHA-256 in 64 lower-case hex digits. */
export const sha256Hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
