import { sha256 } from '#sha256';
import { utf8 } from './bytes.js';
import { LedgerError } from './ledger.errors.js';

export const HASH_BYTES = 32;

const NODE = new Uint8Array(1 + 2 * HASH_BYTES);
const CHAIN = new Uint8Array(1 + 2 * HASH_BYTES);
NODE[0] = 0x01;
CHAIN[0] = 0x02;

/** SHA-256(0x00 ‖ bytes): the hash of a tree leaf (RFC 6962 §2.1). `bytes` are an event's canonical bytes. */
export function leafHash(bytes: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + bytes.length);
  prefixed.set(bytes, 1);
  return sha256(prefixed);
}

/** SHA-256(0x01 ‖ left ‖ right): an interior node of the tree (RFC 6962 §2.1). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => pairHash(NODE, left, right);

/** SHA-256(0x02 ‖ previous ‖ leaf hash): the chain hash of an entry, after the one before it. */
export const chainHash = (previous: Uint8Array, leaf: Uint8Array): Uint8Array => pairHash(CHAIN, previous, leaf);

/** SHA-256(UTF-8 of origin): the chain hash before seq 0. */
export const genesisHash = (origin: string): Uint8Array => sha256(utf8(origin));

/** SHA-256 of nothing: the root of the empty tree (RFC 6962 §2.1). */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/** Throws HASH_LENGTH unless each is as long as a hash. */
export function assertHashes(hashes: readonly Uint8Array[]): void {
  for (const hash of hashes) {
    if (hash.length !== HASH_BYTES) {
      throw new LedgerError('LEDGER.HASH_LENGTH', `a hash has 32 bytes, found ${hash.length}`);
    }
  }
}

/** Hashing is synchronous, so one scratch buffer per prefix serves every call. */
function pairHash(scratch: Uint8Array, first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length !== HASH_BYTES || second.length !== HASH_BYTES) {
    throw new LedgerError('LEDGER.HASH_LENGTH', `a hash has 32 bytes, found ${first.length} and ${second.length}`);
  }
  scratch.set(first, 1);
  scratch.set(second, 1 + HASH_BYTES);
  return sha256(scratch);
}
