import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { AuditError } from '../audit.errors.js';
import { keyFile, secretIfThere } from './key-files.js';
import type { RingKey, SigningPurpose } from './key-ring.js';

/** PKCS #8 of an Ed25519 private key up to its 32-byte seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

/** Where the first key of each purpose lies: a seed in base64. Later ones have their id in the name. */
const FIRST_FILES: Readonly<Record<SigningPurpose, string>> = {
  note: 'note.key',
  cosignature: 'cosign.key',
  event: 'event.key',
};

/** The first key of a purpose, from its file, which is made when there is none. */
export async function firstPrivateKey(folder: string, purpose: SigningPurpose): Promise<RingKey> {
  const file = FIRST_FILES[purpose];
  const text = await keyFile(join(folder, file), () => seedText(randomBytes(KEY_BYTES)));
  return ringKeyOf(seedIn(text, join(folder, file)), purpose, file);
}

/** A new key in a file of its own, on disk once this resolves. */
export async function newPrivateKey(
  folder: string,
  purpose: SigningPurpose,
  tenant: string | undefined,
): Promise<{ key: RingKey; seed: Uint8Array }> {
  const seed = randomBytes(KEY_BYTES);
  const file = `${purpose}-${keyIdOf(publicKeyOf(seed))}.key`;
  await keyFile(join(folder, file), () => seedText(seed));
  return { key: ringKeyOf(seed, purpose, file, tenant), seed };
}

/** Rejects with AUDIT.KEY_UNREADABLE when the file is gone, or holds another key than the ring says. */
export async function seedOf(folder: string, { id, file }: RingKey): Promise<Uint8Array> {
  const path = join(folder, file);
  const text = await secretIfThere(path);
  if (text === undefined) {
    throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} is missing: restore it from the backup of the key folder`);
  }
  const seed = seedIn(text, path);
  const found = keyIdOf(publicKeyOf(seed));
  if (found === id) return seed;
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} holds the key ${found}, expected ${id}`);
}

/** Ed25519 (RFC 8032) over the bytes. */
export const signatureBy = (seed: Uint8Array, bytes: Uint8Array): Uint8Array => sign(null, bytes, privateKeyOf(seed));

/** First 16 hex digits of the SHA-256 of a public key. */
const keyIdOf = (publicKey: Uint8Array): string => createHash('sha256').update(publicKey).digest('hex').slice(0, 16);

const seedText = (seed: Uint8Array): string => `${Buffer.from(seed).toString('base64')}\n`;

function seedIn(text: string, path: string): Uint8Array {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length === KEY_BYTES) return bytes;
  throw new AuditError('AUDIT.KEY_UNREADABLE', `${path} holds ${bytes.length} bytes, expected a key of ${KEY_BYTES}`);
}

function ringKeyOf(seed: Uint8Array, purpose: SigningPurpose, file: string, tenant?: string): RingKey {
  const publicKey = publicKeyOf(seed);
  return {
    id: keyIdOf(publicKey),
    purpose,
    ...(tenant !== undefined && { tenant }),
    public_key: Buffer.from(publicKey).toString('base64'),
    file,
    created_at: new Date().toISOString(),
  };
}

function publicKeyOf(seed: Uint8Array): Uint8Array {
  return createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}

const privateKeyOf = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
