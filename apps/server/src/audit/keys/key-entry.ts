import { createHash } from 'node:crypto';
import { LedgerError, parseEvent } from '#libs/ledger';
import { compromiseIn, publicKeyIn, type KeyRing, type PublicHalf, type RingKey } from './key-ring.js';
import { lastSizeOf, type SigningRanges } from './signing-ranges.js';

/** What the key folder knows, to compare an entry with. */
export interface KnownKeys {
  ring: KeyRing;
  ranges: SigningRanges | undefined;
  keyIdOf: (key: PublicHalf) => string;
}

/**
 * What an entry of this ledger says of a key that signs checkpoints and the ring does not; undefined when it says
 * nothing of the kind, or the same. Keys for events may be another process's, and MAC keys prove nothing to others.
 */
export function keyEntryFault(tenant: string, bytes: Uint8Array, known: KnownKeys): string | undefined {
  const said = saidIn(bytes);
  if (!said || (said.ledger ?? tenant) !== tenant) return undefined;
  if (said.purpose !== 'note' && said.purpose !== 'cosignature') return undefined;
  const key = known.ring.find((one) => one.purpose === said.purpose && known.keyIdOf(one) === said.key_id);
  if (key && agrees(said, key, tenant, known)) return undefined;
  return `it says ${said.kind} of the ${said.purpose} key ${String(said.key_id)}, which is not so in the key folder`;
}

type Said = { kind: string } & Record<string, unknown>;

function agrees(said: Said, key: RingKey, tenant: string, { ranges }: KnownKeys): boolean {
  if (said.kind === 'key.activated') {
    return said['public_key_sha256'] === createHash('sha256').update(publicKeyIn(key)).digest('hex');
  }
  if (said.kind === 'key.retired') {
    const last = ranges && lastSizeOf(ranges[key.purpose === 'note' ? 'note' : 'cosignature'], key.id);
    return key.retired_at !== undefined && said['to_size'] === last;
  }
  const compromise = compromiseIn(key, tenant);
  return compromise !== undefined && Number(said['since_size']) >= compromise.since_size;
}

/** Bytes that are no event are another check's matter. */
function saidIn(bytes: Uint8Array): Said | undefined {
  try {
    const { kind, data = {} } = parseEvent(bytes);
    return ['key.activated', 'key.retired', 'key.compromised'].includes(kind) ? { ...data, kind } : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
