import { createHash } from 'node:crypto';
import type { LedgerEvent } from '#libs/ledger';
import { SYSTEM } from '../domain/origin.js';
import { compromiseIn, currentKey, publicKeyIn, type KeyRing, type PublicHalf, type RingKey } from './key-ring.js';
import { lastSizeOf, type SigningRanges } from './signing-ranges.js';

export const KEY_KINDS = ['key.activated', 'key.retired', 'key.compromised'] as const;

/** What an entry says of a key. */
export type KeyStatement = Pick<LedgerEvent, 'id' | 'kind' | 'data'>;

/** What a ledger has to say of a key. */
export interface KeyFact {
  kind: (typeof KEY_KINDS)[number];
  data: { key_id: string; purpose: string; ledger?: string } & Record<string, string | number>;
  /** Whether the system ledger says it too, naming the ledger: what is not already said there of the key for all. */
  mirrored: boolean;
}

/** What is known of one ledger when its facts are due. */
export interface LedgerOfKeys {
  tenant: string;
  ring: KeyRing;
  ranges: SigningRanges;
  /** Master keys of the MACs. */
  macs: { current: string; all: readonly string[] };
  /** Of its newest checkpoint. */
  size: number;
  keyIdOf: (key: PublicHalf) => string;
}

/** Everything that its keys ask the ledger to say, what is said already (`recorded`) left out; in order of time. */
export function factsDue(ledger: LedgerOfKeys, recorded: readonly KeyStatement[]): KeyFact[] {
  const facts = [...factsOfSigners(ledger), ...factsOfEventKeys(ledger, recorded), ...factsOfMacs(ledger, recorded)];
  return facts.filter((fact) => !recorded.some((event) => says(event, fact, ledger.tenant)));
}

/** Whether an event of this ledger says it: of which key, and from which size on it is doubtful. */
export function says(
  { kind, data }: Pick<KeyStatement, 'kind' | 'data'>,
  fact: Pick<KeyFact, 'kind' | 'data'>,
  tenant: string,
): boolean {
  const { key_id: keyId, purpose, ledger = tenant, since_size: since } = fact.data;
  return (
    kind === fact.kind &&
    data?.['key_id'] === keyId &&
    data['purpose'] === purpose &&
    (data['ledger'] ?? tenant) === ledger &&
    (since === undefined || Number(data['since_size']) <= Number(since))
  );
}

export function activation(key: PublicHalf, keyId: string, fromSize: number): Pick<KeyFact, 'kind' | 'data'> {
  const digest = createHash('sha256').update(publicKeyIn(key)).digest('hex');
  return {
    kind: 'key.activated',
    data: { key_id: keyId, purpose: key.purpose, public_key_sha256: digest, from_size: fromSize },
  };
}

function factsOfSigners({ tenant, ring, ranges, size, keyIdOf }: LedgerOfKeys): KeyFact[] {
  return (['note', 'cosignature'] as const).flatMap((purpose) => {
    const current = currentKey(ring, purpose, tenant);
    const used = ring.filter(({ id }) => id === current?.id || ranges[purpose].some((range) => range.id === id));
    return used.flatMap((key) => {
      const from = ranges[purpose].find(({ id }) => id === key.id)?.from ?? size;
      const mirrored = key.tenant !== undefined;
      const of = { key_id: keyIdOf(key), purpose };
      const last = key.retired_at === undefined ? undefined : lastSizeOf(ranges[purpose], key.id);
      return [
        { ...activation(key, of.key_id, from), mirrored },
        ...(last === undefined ? [] : [{ kind: 'key.retired' as const, data: { ...of, to_size: last }, mirrored }]),
        ...compromisesOf(key, tenant, of),
      ];
    });
  });
}

/**
 * Their activation in a tenant's ledger is recorded by whoever signs an event there, before it does; in the system
 * ledger by whoever comes first.
 */
function factsOfEventKeys({ tenant, ring, size }: LedgerOfKeys, recorded: readonly KeyStatement[]): KeyFact[] {
  return ring
    .filter(({ purpose }) => purpose === 'event')
    .filter(({ id }) => tenant === SYSTEM || recorded.some((event) => says(event, activated(id), tenant)))
    .flatMap((key): KeyFact[] => {
      const of = { key_id: key.id, purpose: key.purpose };
      const retired: KeyFact[] =
        key.retired_at === undefined ? [] : [{ kind: 'key.retired', data: { ...of, to_size: size }, mirrored: false }];
      return [{ ...activation(key, key.id, size), mirrored: false }, ...retired, ...compromisesOf(key, tenant, of)];
    });
}

function factsOfMacs({ tenant, macs, size }: LedgerOfKeys, recorded: readonly KeyStatement[]): KeyFact[] {
  const of = (key_id: string) => ({ key_id, purpose: 'mac' });
  const former = macs.all.filter(
    (id) =>
      id !== macs.current && recorded.some((event) => says(event, { kind: 'key.activated', data: of(id) }, tenant)),
  );
  return [
    { kind: 'key.activated', data: { ...of(macs.current), from_size: size }, mirrored: false },
    ...former.map((id): KeyFact => ({ kind: 'key.retired', data: { ...of(id), to_size: size }, mirrored: false })),
  ];
}

function compromisesOf(key: RingKey, tenant: string, of: { key_id: string; purpose: string }): KeyFact[] {
  const compromise = compromiseIn(key, tenant);
  if (!compromise) return [];
  const mirrored = key.tenant !== undefined || compromise.ledger !== undefined;
  return [{ kind: 'key.compromised', data: { ...of, since_size: compromise.since_size }, mirrored }];
}

const activated = (id: string): Pick<KeyFact, 'kind' | 'data'> => ({
  kind: 'key.activated',
  data: { key_id: id, purpose: 'event' },
});
