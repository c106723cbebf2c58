import { AuditError } from '../audit.errors.js';

/** What a key of the ring signs with its Ed25519 private half. */
const SIGNING_PURPOSES = ['note', 'cosignature', 'event'] as const;
export type SigningPurpose = (typeof SIGNING_PURPOSES)[number];

/** Since which size of a ledger a key may have been in other hands. */
export interface Compromise {
  /** The ledger whose sizes are meant; absent: all, from their beginning. */
  ledger?: string;
  since_size: number;
  /** When it was declared, ISO 8601. */
  at: string;
}

/** One key, as the ring remembers it for ever; the private half is in a file of its own until the key is retired. */
export interface RingKey {
  /** First 16 hex digits of the SHA-256 of the public key. */
  id: string;
  purpose: SigningPurpose;
  /** The one ledger it signs; absent: every ledger that has no key of its own. */
  tenant?: string;
  /** Ed25519, 32 bytes in base64. */
  public_key: string;
  /** Name of the file of the private half, in the key folder. */
  file: string;
  created_at: string;
  retired_at?: string;
  compromised?: Compromise[];
}

/** What anyone may know of a key. */
export type PublicHalf = Pick<RingKey, 'id' | 'purpose' | 'public_key'>;

export const publicKeyIn = ({ public_key: key }: Pick<RingKey, 'public_key'>): Uint8Array =>
  new Uint8Array(Buffer.from(key, 'base64'));

/** Oldest first. */
export type KeyRing = readonly RingKey[];

/** The key that signs from now on: the newest of the ledger's own, or the newest of those for all. */
export function currentKey(ring: KeyRing, purpose: SigningPurpose, tenant?: string): RingKey | undefined {
  const fit = ring.filter((key) => key.purpose === purpose && key.retired_at === undefined);
  return (
    (tenant === undefined ? undefined : fit.findLast((key) => key.tenant === tenant)) ??
    fit.findLast((key) => key.tenant === undefined)
  );
}

/** Every key that signs or has signed notes of this ledger, or may yet, oldest first. */
export function keysOf<Key extends Pick<RingKey, 'purpose' | 'tenant'>>(
  ring: readonly Key[],
  purpose: SigningPurpose,
  tenant: string,
): Key[] {
  return ring.filter((key) => key.purpose === purpose && (key.tenant === undefined || key.tenant === tenant));
}

/** What holds of a key in one ledger, the earliest size first. */
export function compromiseIn(
  { compromised = [] }: Pick<RingKey, 'compromised'>,
  ledger: string,
): Compromise | undefined {
  const here = compromised.filter((one) => one.ledger === undefined || one.ledger === ledger);
  return here.sort((a, b) => a.since_size - b.since_size)[0];
}

export const ringText = (ring: KeyRing): string => `${JSON.stringify({ keys: ring }, null, 2)}\n`;

/** Throws AUDIT.KEY_UNREADABLE. */
export function parsedRing(text: string, path: string): RingKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys: RingKey[] };
    if (keys.every(isKey)) return keys;
  } catch (cause) {
    throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} is not a list of keys`, { cause });
  }
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} holds something that is no key`);
}

const isKey = ({ id, purpose, public_key: key, file }: RingKey): boolean =>
  /^[0-9a-f]{16}$/.test(id) &&
  SIGNING_PURPOSES.includes(purpose) &&
  Buffer.from(key, 'base64').length === 32 &&
  /^[a-z0-9.-]+$/.test(file);
