import { createHash } from 'node:crypto';
import { addAbortSignal, Readable } from 'node:stream';

import { ObjectStoreError } from './object-store.errors.js';
import type { PutOptions } from './object-store.types.js';

/** A body on its way into a store: counted and hashed while it passes. To be iterated once. */
export class MeasuredBody implements AsyncIterable<Buffer> {
  bytes = 0;
  #digest: string | undefined;
  readonly #hash = createHash('sha256');
  readonly #source: Readable;

  constructor(
    body: Readable | Uint8Array,
    private readonly options: PutOptions,
  ) {
    this.#source = body instanceof Uint8Array ? Readable.from([Buffer.from(body)], { objectMode: true }) : body;
    if (options.signal) addAbortSignal(options.signal, this.#source);
    this.#source.on('error', () => undefined); // seen again by whoever iterates; a refused put must not crash on it
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    const chunks = this.#source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>;
    try {
      for (;;) {
        const next = await nextOf(chunks, this.options.signal).catch((cause: unknown) => this.#failed(cause));
        if (next.done) return this.#assertEnded();
        const chunk = typeof next.value === 'string' ? Buffer.from(next.value) : asBuffer(next.value);
        this.bytes += chunk.length;
        this.#hash.update(chunk);
        yield chunk;
      }
    } finally {
      this.discard();
    }
  }

  /** SHA-256 of what has passed, lower-case hex; nothing may pass after it was asked for. */
  get sha256(): string {
    return (this.#digest ??= this.#hash.digest('hex'));
  }

  /** Rejects with SIZE_MISMATCH or DIGEST_MISMATCH when the body was not the one the caller announced. */
  assertAsAnnounced(key: string): void {
    const { bytes, expectedSha256 } = this.options;
    if (bytes !== undefined && bytes !== this.bytes) {
      const message = `expected ${bytes} bytes for ${key}, found ${this.bytes}`;
      throw new ObjectStoreError('OBJECT_STORE.SIZE_MISMATCH', message);
    }
    if (expectedSha256 !== undefined && expectedSha256 !== this.sha256) {
      const message = `expected SHA-256 ${expectedSha256} for ${key}, found ${this.sha256}`;
      throw new ObjectStoreError('OBJECT_STORE.DIGEST_MISMATCH', message);
    }
  }

  discard(): void {
    this.#source.destroy();
  }

  /** A stream destroyed without an error also stops; only one that said so has ended. */
  #assertEnded(): void {
    if (!this.#source.readableEnded) this.#failed(new Error('destroyed before its end'));
  }

  #failed(cause: unknown): never {
    if (this.options.signal?.aborted) throw aborted(cause);
    throw new ObjectStoreError('OBJECT_STORE.SOURCE_FAILED', `the body failed after ${this.bytes} bytes`, { cause });
  }
}

export function aborted(cause?: unknown): ObjectStoreError {
  return new ObjectStoreError('OBJECT_STORE.ABORTED', 'the caller gave up', { cause });
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal.reason);
}

/**
 * The next chunk, or a rejection when the signal fires: a source may be unable to answer even that. Nothing that lives
 * longer than the chunk holds it, as `Promise.race` with one rejection for the whole body would (measured-body.spec.ts).
 */
function nextOf<T>(chunks: AsyncIterator<T>, signal: AbortSignal | undefined): Promise<IteratorResult<T>> {
  if (!signal) return chunks.next();
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason as Error);
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    const settled = () => signal.removeEventListener('abort', giveUp);
    chunks.next().then(resolve, reject).then(settled, settled);
  });
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
