import { ed25519 } from '@noble/curves/ed25519.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { base64urlOf, bytesOfBase64url } from './bytes.js';
import { canonicalBytes } from './event.js';
import type { LedgerEvent } from './event.types.js';
import { LedgerError } from './ledger.errors.js';

/** BLAKE3-256 over the canonical bytes without `sig`: what an event's signature is over. */
export function eventDigest(event: LedgerEvent): Uint8Array {
  const { sig, ...unsigned } = event;
  return blake3(canonicalBytes(sig === undefined ? event : unsigned));
}

/** The event with `sig` by this Ed25519 private key (its 32-byte seed), replacing any it had. */
export function signEvent(event: LedgerEvent, { kid, seed }: { kid: string; seed: Uint8Array }): LedgerEvent {
  return { ...event, sig: { kid, value: base64urlOf(ed25519.sign(eventDigest(event), seed)) } };
}

/** Throws EVENT_UNSIGNED or EVENT_SIGNATURE. Which key `sig.kid` names is the caller's to look up. */
export function verifyEventSignature(event: LedgerEvent, publicKey: Uint8Array): void {
  if (event.sig === undefined) throw new LedgerError('LEDGER.EVENT_UNSIGNED', `event ${event.id} carries no signature`);
  if (!signatureHolds(event, publicKey)) {
    throw new LedgerError('LEDGER.EVENT_SIGNATURE', `the signature of ${event.sig.kid} on ${event.id} does not hold`);
  }
}

/** Whether the event has a signature, and by this Ed25519 public key. */
export function signatureHolds(event: LedgerEvent, publicKey: Uint8Array): boolean {
  const signature = event.sig && bytesOfBase64url(event.sig.value);
  return signature?.length === 64 && ed25519.verify(signature, eventDigest(event), publicKey, { zip215: false });
}
