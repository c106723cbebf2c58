import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const FORM = /^assay_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Compared with when no key has the id asked for, so that an unknown id takes as long as a wrong secret. */
const NOBODY = createHash('sha256').update(randomBytes(SECRET_BYTES)).digest();

/** A new key, `assay_<id>_<secret>`: the id names its record, the secret has 256 random bits. */
export function newApiKey(): string {
  return `assay_${randomBytes(ID_BYTES).toString('hex')}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** The id inside a key; undefined for what is not the form of one. */
export function keyIdOf(key: string): string | undefined {
  return FORM.exec(key)?.[1];
}

/** SHA-256 of the whole key: what is stored of it. */
export function keyHash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** What is shown of it: the first 12 hex digits of its SHA-256. */
export function fingerprintOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex').slice(0, 12);
}

/** In constant time, also when there is no hash to compare with. */
export function isKeyOf(key: string, hash: Uint8Array | undefined): boolean {
  const equal = timingSafeEqual(keyHash(key), hash ?? NOBODY);
  return equal && hash !== undefined;
}
