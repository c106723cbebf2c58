import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from './bytes.js';
import { LedgerError } from './ledger.errors.js';

export interface MacKeyUse {
  /** What the key is for, e.g. `checkpoint`. */
  purpose: string;
  tenant: string;
  /** Which master key of the ring. */
  keyId: string;
}

/**
 * A 32-byte key for one use, by HKDF-SHA-256 (RFC 5869) without salt from a master key of at least 32 bytes. The info
 * is the JSON array ["assay", purpose, tenant, key id], so that no two uses share a spelling. Throws MAC_KEY_SHORT.
 */
export function macKey(master: Uint8Array, { purpose, tenant, keyId }: MacKeyUse): Uint8Array {
  if (master.length < 32) {
    throw new LedgerError('LEDGER.MAC_KEY_SHORT', `a master key has at least 32 bytes, found ${master.length}`);
  }
  return hkdf(sha256, master, undefined, utf8(JSON.stringify(['assay', purpose, tenant, keyId])), 32);
}

/** HMAC-SHA-256 (RFC 2104) over a note's text, 32 bytes. Never evidence: whoever can check it can forge it. */
export const noteMac = (key: Uint8Array, noteText: string): Uint8Array => hmac(sha256, key, utf8(noteText));
