import { ObjectStoreError } from './object-store.errors.js';
import type { PutOptions, StoredObject } from './object-store.types.js';

/** What keeps an object from being deleted or overwritten. */
export type Lock = Pick<StoredObject, 'retainUntil' | 'lockMode' | 'legalHold'>;

/** The lock a put asks for, to the second (rounded up: S3 keeps no fractions), or undefined. */
export function lockOf(options: PutOptions): Lock | undefined {
  if (options.retainUntil === undefined && !options.legalHold) return undefined;
  const retainUntil = options.retainUntil && wholeSecond(options.retainUntil);
  const retention = retainUntil && { retainUntil, lockMode: options.lockMode ?? 'compliance' };
  return { ...retention, legalHold: options.legalHold ?? false };
}

/** Rejects with OBJECT_STORE.RETENTION_INVALID for a time that is none or is past. */
export function wholeSecond(until: Date): Date {
  const second = new Date(Math.ceil(until.getTime() / 1000) * 1000);
  if (!(second.getTime() > Date.now())) {
    const found = Number.isNaN(until.getTime()) ? 'no time' : until.toISOString();
    throw new ObjectStoreError('OBJECT_STORE.RETENTION_INVALID', `expected a retention in the future, found ${found}`);
  }
  return second;
}

/** Rejects with OBJECT_STORE.RETAINED while the lock holds. */
export function assertUnlocked(key: string, lock: Lock | undefined): void {
  if (lock?.legalHold) {
    throw new ObjectStoreError('OBJECT_STORE.RETAINED', `${key} is on legal hold`);
  }
  if (lock?.retainUntil !== undefined && lock.retainUntil.getTime() > Date.now()) {
    const message = `${key} is retained until ${lock.retainUntil.toISOString()}`;
    throw new ObjectStoreError('OBJECT_STORE.RETAINED', message);
  }
}

/** Rejects with OBJECT_STORE.RETAINED when the object is retained for longer than that. */
export function assertNotShortened(key: string, lock: Lock | undefined, until: Date): void {
  const now = lock?.retainUntil;
  if (now !== undefined && now > until) {
    const message = `${key} is retained until ${now.toISOString()}, asked for ${until.toISOString()}`;
    throw new ObjectStoreError('OBJECT_STORE.RETAINED', message);
  }
}
