import { ObjectStoreError } from './object-store.errors.js';

const MAX_KEY = 512;
const MAX_SEGMENT = 200;
const SEGMENT = /^[a-z0-9_=+-](?:[a-z0-9._=+-]*[a-z0-9_=+-])?$/;
const PREFIX = /^[a-z0-9._=+/-]*$/;

/**
 * What is wrong with the key, or undefined. A key is segments of `a-z 0-9 . _ = + -` parted by single slashes; no
 * segment begins or ends with a dot, which keeps out `..`, leaves names with a leading dot to the stores' own files,
 * and avoids the names some file systems change. No upper case: two keys that differ by case only would be one file
 * on some disks. At most 200 characters a segment and 512 in all, so that a prefix still fits S3's 1,024 bytes.
 */
export function objectKeyFault(key: string): string | undefined {
  if (key.length === 0) return 'expected a key, found an empty string';
  if (key.length > MAX_KEY) return `expected at most ${MAX_KEY} characters, found ${key.length}`;
  for (const [index, segment] of key.split('/').entries()) {
    if (segment.length === 0) return `expected no empty segment, found one at position ${index}`;
    if (segment.length > MAX_SEGMENT) {
      return `expected segments of at most ${MAX_SEGMENT} characters, found ${segment.length} at position ${index}`;
    }
    if (!SEGMENT.test(segment)) {
      return `expected a-z 0-9 . _ = + - and no dot at either end in segment ${index}, found ${JSON.stringify(segment)}`;
    }
  }
  return undefined;
}

/** Rejects with OBJECT_STORE.KEY_INVALID. */
export function assertObjectKey(key: string): void {
  const fault = objectKeyFault(key);
  if (fault !== undefined) throw new ObjectStoreError('OBJECT_STORE.KEY_INVALID', `bad object key: ${fault}`);
}

/** A prefix is the beginning of a key, or empty. Rejects with OBJECT_STORE.KEY_INVALID. */
export function assertKeyPrefix(prefix: string): void {
  const whole = prefix.split('/').slice(0, -1);
  const good = prefix.length <= MAX_KEY && PREFIX.test(prefix) && whole.every((segment) => SEGMENT.test(segment));
  if (!good || prefix.split('/').at(-1)!.startsWith('.')) {
    throw new ObjectStoreError('OBJECT_STORE.KEY_INVALID', 'bad key prefix: expected the beginning of an object key');
  }
}
