import { Query } from '@nestjs/cqrs';

/** One public key as a JSON Web Key (RFC 7517, RFC 8037); the members after `kid` are ours (RFC 7517 §4). */
export interface PublicJwk {
  kty: 'OKP';
  crv: 'Ed25519';
  alg: 'EdDSA';
  use: 'sig';
  x: string;
  /** First 16 hex digits of the SHA-256 of the public key; the `kid` of an event's signature. */
  kid: string;
  purpose: 'note' | 'cosignature' | 'event';
  created_at: string;
  retired_at?: string;
  /** Of the key that cosigns: the same for every ledger. */
  verifier_key?: string;
}

/** Every public key of this deployment, oldest first. No tenant is named. */
export class GetPublicKeys extends Query<{ keys: PublicJwk[] }> {}
