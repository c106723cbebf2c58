import { hasCode } from '#libs/kernel';
import type { ObjectStore, ObjectStoreError, PutOptions, StoredObject } from '#libs/object-store';

/**
 * Puts the bytes where nothing is. The same bytes there already are success, `found`, and stay as they are, with the hold
 * and the lock that they have. Rejects with what `occupied` makes where anything else is, and with OBJECT_STORE codes.
 */
export async function putOnce(
  store: ObjectStore,
  { key, bytes, sha256 }: { key: string; bytes: Uint8Array; sha256: string },
  options: PutOptions,
  occupied: (message: string, cause: unknown) => Error,
): Promise<{ object: StoredObject; found: boolean }> {
  const once = { ...options, ifAbsent: true, bytes: bytes.length, expectedSha256: sha256 };
  try {
    return { object: await store.put(key, bytes, once), found: false };
  } catch (error) {
    const there = await objectThere(store, key, error, options.signal);
    if (there?.sha256 === sha256) return { object: there, found: true };
    const what = there?.sha256 ?? 'what this program did not put';
    throw occupied(`expected SHA-256 ${sha256} at ${key}, found ${what}`, error);
  }
}

/** Undefined where a bucket has an object that this program did not put. Rejects with a fault of another kind as it is. */
async function objectThere(
  store: ObjectStore,
  key: string,
  fault: unknown,
  signal: AbortSignal | undefined,
): Promise<StoredObject | undefined> {
  if (hasCode(fault, 'OBJECT_STORE.CORRUPT')) return undefined;
  if (!hasCode(fault, 'OBJECT_STORE.EXISTS')) throw fault;
  return (fault as ObjectStoreError).existing ?? store.head(key, { signal });
}
