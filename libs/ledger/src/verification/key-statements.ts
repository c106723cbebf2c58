import type { LedgerEvent } from '../event.types.js';

/** What an entry of the ledger says about a key; sizes are sizes of this ledger's tree. */
export interface KeyStatement {
  act: 'activated' | 'retired' | 'compromised';
  purpose: string;
  keyId: string;
  /** Hex, of the 32 bytes of the public key. */
  publicKeySha256: string | undefined;
  /** `from_size`, `to_size` or `since_size`. */
  size: number;
  /** The event's `ts`, in seconds since 1970. */
  time: number;
}

/** A statement and its place. */
export interface PlacedStatement extends KeyStatement {
  seq: number;
}

const SIZES = { 'key.activated': 'from_size', 'key.retired': 'to_size', 'key.compromised': 'since_size' } as const;

/** The statement of a `key.*` event about the ledger of `tenant`; undefined for any other event. */
export function keyStatementOf({ kind, data, ts }: LedgerEvent, tenant: string): KeyStatement | undefined {
  if (!kind.startsWith('key.') || !Object.hasOwn(SIZES, kind) || data === undefined) return undefined;
  const { purpose, key_id: keyId, public_key_sha256: sha256, ledger } = data;
  const size = data[SIZES[kind as keyof typeof SIZES]];
  if (typeof purpose !== 'string' || typeof keyId !== 'string' || !Number.isSafeInteger(size)) return undefined;
  // In `system` there are also the statements about other ledgers.
  if (ledger !== undefined && ledger !== tenant) return undefined;
  return {
    act: kind.slice('key.'.length) as KeyStatement['act'],
    purpose,
    keyId,
    publicKeySha256: typeof sha256 === 'string' ? sha256 : undefined,
    size: size as number,
    time: Date.parse(ts) / 1000,
  };
}
