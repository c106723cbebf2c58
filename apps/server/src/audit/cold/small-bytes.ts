import { buffer } from 'node:stream/consumers';
import { hasCode } from '#libs/kernel';
import type { GetOptions, ObjectStore } from '#libs/object-store';

/** Of the object itself: asked again, the store says the same, and of every other object it may say something else. */
const OF_THE_OBJECT = ['OBJECT_STORE.NOT_FOUND', 'OBJECT_STORE.CORRUPT', 'OBJECT_STORE.REFUSED'] as const;

/**
 * The bytes under this key; undefined when there are none, more than `most`, or none that this program put: whoever can
 * write to the store can put anything there, and stops nobody by it. Rejects with the other OBJECT_STORE codes.
 */
export async function smallBytes(
  store: ObjectStore,
  key: string,
  most: number,
  options: GetOptions = {},
): Promise<Buffer | undefined> {
  try {
    return await bytesUpTo(store, key, most, options);
  } catch (error) {
    if (OF_THE_OBJECT.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

/** The bytes under this key; undefined when they are more than `most`. Rejects with OBJECT_STORE codes. */
export async function bytesUpTo(
  store: ObjectStore,
  key: string,
  most: number,
  options: GetOptions = {},
): Promise<Buffer | undefined> {
  const { body, bytes } = await store.get(key, options);
  if (bytes <= most) return buffer(body);
  body.destroy();
  return undefined;
}
