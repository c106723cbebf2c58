import { createHash } from 'node:crypto';
import { canonicalBytes, type LedgerEvent } from '#libs/ledger';
import { keyEntryFault, type KnownKeys } from './key-entry.js';
import { publicKeyIn, type RingKey } from './key-ring.js';

const TENANT = 'acme';
const key = (id: string, change: Partial<RingKey> = {}): RingKey => ({
  id,
  purpose: 'note',
  public_key: Buffer.alloc(32, id).toString('base64'),
  file: `${id}.key`,
  created_at: '2026-11-21T09:00:00.000Z',
  ...change,
});
const FIRST = key('first', {
  retired_at: '2026-11-21T10:00:00.000Z',
  compromised: [{ ledger: TENANT, since_size: 5, at: '2026-11-21T10:00:00.000Z' }],
});
const KNOWN: KnownKeys = {
  ring: [FIRST, key('second'), key('events', { purpose: 'event' })],
  ranges: {
    note: [
      { id: 'first', from: 0 },
      { id: 'second', from: 8 },
    ],
    cosignature: [{ id: 'third', from: 0 }],
  },
  keyIdOf: ({ id }) => id,
};
const sha256Of = (of: RingKey): string => createHash('sha256').update(publicKeyIn(of)).digest('hex');

const bytesOf = (kind: string, data: LedgerEvent['data']): Uint8Array =>
  canonicalBytes({
    id: '0193a000-0001-7000-8000-000000000001',
    ts: '2026-11-21T11:00:00.000Z',
    kind,
    scope: { tenant: TENANT },
    actor: { type: 'system', id: 'ledger' },
    data: { purpose: 'note', ...data },
    meta: { schema: 1, service: 'assay', version: '0.1.0', env: 'test', received_at: '2026-11-21T11:00:00.000Z' },
  });
const faultOf = (kind: string, data: LedgerEvent['data']): string | undefined =>
  keyEntryFault(TENANT, bytesOf(kind, data), KNOWN);

describe('keyEntryFault', () => {
  it.each([
    ['an activation of a key of the ring', 'key.activated', { key_id: 'first', public_key_sha256: sha256Of(FIRST) }],
    ['a retirement with the last size of the key', 'key.retired', { key_id: 'first', to_size: 7 }],
    ['a compromise as it was declared', 'key.compromised', { key_id: 'first', since_size: 5 }],
    ['what concerns another ledger', 'key.retired', { key_id: 'stranger', to_size: 1, ledger: 'other' }],
    ['a key for events, which may be of another process', 'key.activated', { key_id: 'x', purpose: 'event' }],
    ['a MAC key, which proves nothing', 'key.activated', { key_id: 'x', purpose: 'mac' }],
    ['another kind', 'job.created', { key_id: 'stranger' }],
  ])('lets pass %s', (_, kind, data) => {
    expect(faultOf(kind, data)).toBeUndefined();
  });

  it.each([
    ['an unknown key', 'key.activated', { key_id: 'stranger', public_key_sha256: sha256Of(FIRST) }],
    ['another public key under a known id', 'key.activated', { key_id: 'first', public_key_sha256: '0'.repeat(64) }],
    ['no public key', 'key.activated', { key_id: 'first' }],
    ['a known key for another purpose', 'key.activated', { key_id: 'first', purpose: 'cosignature' }],
    ['a retirement of a key that signs', 'key.retired', { key_id: 'second', to_size: 9 }],
    ['a retirement that ends the key too early', 'key.retired', { key_id: 'first', to_size: 6 }],
    ['a compromise that nobody declared', 'key.compromised', { key_id: 'second', since_size: 5 }],
    ['a compromise since an earlier size', 'key.compromised', { key_id: 'first', since_size: 4 }],
    ['its own ledger by name', 'key.retired', { key_id: 'second', to_size: 9, ledger: TENANT }],
  ])('stops %s', (_, kind, data) => {
    expect(faultOf(kind, data)).toContain(`it says ${kind}`);
  });

  it('leaves bytes that are no event to the checks of their form', () => {
    expect(keyEntryFault(TENANT, Buffer.from('{"kind":"key.activated"}'), KNOWN)).toBeUndefined();
  });
});
