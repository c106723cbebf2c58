import { Inject, Injectable } from '@nestjs/common';
import { verifierKey, type VerifierKey } from '#libs/ledger';
import { Settings } from '../../settings.js';
import { LedgerKeys } from '../storage/ledger-keys.store.js';
import { AuditKeys, cosignerName } from './audit-keys.js';
import { compromiseIn, keysOf, publicKeyIn, type PublicHalf, type RingKey } from './key-ring.js';

/** A public key, and what it is for. */
export type PublicKey = PublicHalf & Pick<RingKey, 'tenant' | 'created_at' | 'retired_at' | 'compromised'>;

/** How long a key that another process made may be unknown here, in milliseconds. */
const KNOWN_MS = 1_000;

/**
 * The public halves of all keys, whichever process holds them. A process that signs checkpoints takes their keys from
 * its own folder alone; another takes them from the database, as it takes everything else it knows of them.
 */
@Injectable()
export class PublicKeys {
  private known: { keys: PublicKey[]; at: number } | undefined;
  private published = -1;

  constructor(
    private readonly keys: AuditKeys,
    private readonly stored: LedgerKeys,
    @Inject(Settings) private readonly settings: Pick<Settings, 'origin'>,
  ) {}

  /** Every note key of this ledger, oldest first. */
  async verifierKeys(tenant: string, origin: string): Promise<VerifierKey[]> {
    return keysOf(await this.all(), 'note', tenant).map((key) => verifierKey(origin, publicKeyIn(key)));
  }

  /** Those of them that nobody else has, as far as is known. */
  async soundKeys(tenant: string, origin: string): Promise<VerifierKey[]> {
    return keysOf(await this.all(), 'note', tenant)
      .filter((key) => compromiseIn(key, tenant) === undefined)
      .map((key) => verifierKey(origin, publicKeyIn(key)));
  }

  /** Every key that cosigns for this service, oldest first. */
  async cosignerKeys(): Promise<VerifierKey[]> {
    const cosigners = (await this.all()).filter(({ purpose }) => purpose === 'cosignature');
    return cosigners.map((key) => verifierKey(cosignerName(this.settings.origin), publicKeyIn(key), 'cosignature/v1'));
  }

  /** Of the signatures of single events, by `kid`. */
  async eventKeys(): Promise<ReadonlyMap<string, Uint8Array>> {
    const events = (await this.all()).filter(({ purpose }) => purpose === 'event');
    return new Map(events.map((key) => [key.id, publicKeyIn(key)]));
  }

  /** Oldest first; at most a second old. */
  async all(): Promise<PublicKey[]> {
    if (this.known && performance.now() - this.known.at < KNOWN_MS) return this.known.keys;
    const own = this.keys.keys;
    const others = (await this.stored.all())
      .filter(({ _id, purpose }) => !own.some(({ id }) => id === _id) && (purpose === 'event' || !this.keys.signs))
      .map(({ _id, tenant, ...key }): PublicKey => ({ ...key, id: _id, ...(tenant !== null && { tenant }) }));
    const keys = [...own, ...others].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    this.known = { keys, at: performance.now() };
    return keys;
  }

  /** Tells the other processes of the keys in this folder; what they were told already costs nothing. */
  async publish(): Promise<void> {
    const { version, keys } = this.keys;
    if (this.published === version) return;
    for (const { id, purpose, tenant = null, public_key, created_at, retired_at, compromised } of keys) {
      const key = { _id: id, purpose, tenant, public_key, created_at };
      await this.stored.put({
        ...key,
        ...(retired_at !== undefined && { retired_at }),
        ...(compromised && { compromised }),
      });
    }
    this.published = version;
    this.known = undefined;
  }
}
