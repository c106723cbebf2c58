import { createHash } from 'node:crypto';
import { addAbortSignal, pipeline, Transform } from 'node:stream';
import type { Readable } from 'node:stream';

import { aborted } from './measured-body.js';
import { ObjectStoreError } from './object-store.errors.js';
import type { StoredObject } from './object-store.types.js';

/**
 * The source's bytes, followed by an end only if they are the object's: else by OBJECT_STORE.CORRUPT. Destroying the
 * result destroys the source.
 */
export function checkedBody(
  source: Readable,
  object: StoredObject,
  signal: AbortSignal | undefined,
  readError: (cause: unknown) => ObjectStoreError,
): Readable {
  const hash = createHash('sha256');
  let bytes = 0;
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found = hash.digest('hex');
      done(found === object.sha256 ? null : corrupt(object, bytes, found));
    },
  });
  source.once('error', (cause) => checked.destroy(signal?.aborted ? aborted(cause) : readError(cause)));
  if (signal) addAbortSignal(signal, source);
  pipeline(source, checked, () => undefined);
  return checked;
}

function corrupt(object: StoredObject, bytes: number, sha256: string): ObjectStoreError {
  const expected = `${object.bytes} bytes with SHA-256 ${object.sha256}`;
  const message = `expected ${expected} at ${object.key}, found ${bytes} bytes with SHA-256 ${sha256}`;
  return new ObjectStoreError('OBJECT_STORE.CORRUPT', message);
}
