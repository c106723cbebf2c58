import { link, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';

import { checkedBody } from './checked-body.js';
import { DurableFolders, syncFolder } from './durable-folders.js';
import { FileLocks } from './file-locks.js';
import { aborted, MeasuredBody, throwIfAborted } from './measured-body.js';
import { readDescription, writeObjectFile } from './object-file.js';
import { assertKeyPrefix, assertObjectKey } from './object-key.js';
import { alreadyThere, notFound, ObjectStoreError } from './object-store.errors.js';
import type {
  CallOptions,
  ListedObject,
  ListOptions,
  ObjectStore,
  ObjectVersion,
  PutOptions,
  StoredObject,
} from './object-store.types.js';
import { assertNotShortened, assertUnlocked, lockOf, wholeSecond } from './retention.js';
import type { Lock } from './retention.js';
import { sweepTemporaryFiles, temporaryName } from './temporary-files.js';
import { OneAtATime } from './one-at-a-time.js';

/** No key segment holds `@`, so an object's file is never taken for a folder: `a` and `a/b` may both be objects. */
const OBJECT = '@object';

/**
 * Objects as files below one folder: `objects/<key>@object`, `locks/<key>@lock`, `temporary/`. One process at a time
 * may write there (the data folder's lock sees to it); retention binds this program, not whoever may remove files.
 */
export class FileObjectStore implements ObjectStore {
  readonly retention = true;
  readonly #objects: string;
  readonly #temporary: string;
  readonly #folders: DurableFolders;
  readonly #locks: FileLocks;
  readonly #oneAtATime = new OneAtATime();

  private constructor(root: string) {
    this.#objects = join(root, 'objects');
    this.#temporary = join(root, 'temporary');
    this.#folders = new DurableFolders(root);
    this.#locks = new FileLocks(join(root, 'locks'), this.#temporary, this.#folders);
  }

  /** Opens the store, making the folder if need be, and removes what a crash left half written. */
  static async open(root: string): Promise<FileObjectStore> {
    const store = new FileObjectStore(root);
    await store.#folders.ensure(store.#objects);
    await store.#folders.ensure(store.#temporary);
    await sweepTemporaryFiles(store.#temporary);
    return store;
  }

  async put(key: string, body: Readable | Uint8Array, options: PutOptions = {}): Promise<StoredObject> {
    const content = new MeasuredBody(body, options);
    const temporary = join(this.#temporary, temporaryName());
    try {
      assertObjectKey(key);
      const lock = lockOf(options);
      assertPlain(options);
      throwIfAborted(options.signal);
      await this.#assertMayWrite(key, options);
      const stored = await this.#writeAside(temporary, key, content, options);
      // If the process dies here, the temporary file is swept when the store is opened again.
      await this.#oneAtATime.take(key, () => this.#commit(temporary, key, lock, options));
      return { ...stored, ...lock };
    } catch (error) {
      throw storeError(error, key);
    } finally {
      content.discard();
      await rm(temporary, { force: true });
    }
  }

  async get(key: string, options: CallOptions = {}): Promise<StoredObject & { body: Readable }> {
    const { file, object } = await this.#open(key, options);
    if (object.bytes === 0) await file.close();
    const source = object.bytes === 0 ? Readable.from([]) : file.createReadStream({ start: 0, end: object.bytes - 1 });
    return { ...object, body: checkedBody(source, object, options.signal, (cause) => storeError(cause, key)) };
  }

  async head(key: string, options: CallOptions = {}): Promise<StoredObject> {
    const { file, object } = await this.#open(key, options);
    await file.close();
    return object;
  }

  async versions(key: string, options: CallOptions = {}): Promise<ObjectVersion[]> {
    assertObjectKey(key);
    const found = await this.#listed(key, options);
    return found ? [{ version: undefined, storedAt: found.storedAt, newest: true, deleteMarker: false }] : [];
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListedObject> {
    assertKeyPrefix(prefix);
    let left = options.limit ?? Infinity;
    for await (const key of this.#keys('', prefix, options.after ?? '')) {
      if (left <= 0) return;
      throwIfAborted(options.signal);
      const object = await this.#listed(key, options);
      if (object === undefined) continue;
      left--;
      yield object;
    }
  }

  /** A damaged object too. */
  async #listed(key: string, options: CallOptions): Promise<ListedObject | undefined> {
    try {
      const { bytes, storedAt } = await this.head(key, options);
      return { key, bytes, storedAt };
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      if (error.code === 'OBJECT_STORE.NOT_FOUND') return undefined;
      if (error.code !== 'OBJECT_STORE.CORRUPT') throw error;
      const { size, mtime } = await stat(this.#path(key));
      return { key, bytes: size, storedAt: mtime };
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#inTurn(key, options, async () => {
      const path = this.#path(key);
      assertUnlocked(key, await this.#locks.read(key));
      try {
        await unlink(path);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      // If the process dies here, a lock that has ended is left without an object; the next put of the key ends it.
      await syncFolder(dirname(path));
      await this.#locks.clear(key);
    });
  }

  async retain(key: string, until: Date, options: CallOptions & Pick<PutOptions, 'lockMode'> = {}): Promise<void> {
    await this.#changeLock(key, options, (lock) => {
      const retainUntil = wholeSecond(until);
      assertNotShortened(key, lock, retainUntil);
      return { legalHold: false, lockMode: options.lockMode ?? 'compliance', ...lock, retainUntil };
    });
  }

  async hold(key: string, held: boolean, options: CallOptions = {}): Promise<void> {
    await this.#changeLock(key, options, (lock) => ({ ...lock, legalHold: held }));
  }

  close(): void {}

  async #writeAside(temporary: string, key: string, content: MeasuredBody, options: PutOptions): Promise<StoredObject> {
    const file = await open(temporary, 'wx', 0o600);
    try {
      return await writeObjectFile(file, key, content, options);
    } finally {
      await file.close();
    }
  }

  async #commit(temporary: string, key: string, lock: Lock | undefined, options: PutOptions): Promise<void> {
    const path = this.#path(key);
    throwIfAborted(options.signal);
    await this.#assertMayWrite(key, options);
    await this.#folders.ensure(dirname(path));
    if (lock) await this.#locks.write(key, lock);
    else await this.#locks.clear(key);
    // If the process dies here, a lock is left without an object, or on the old object this put was to replace.
    if (options.ifAbsent) await link(temporary, path);
    else await rename(temporary, path);
    await syncFolder(dirname(path));
  }

  async #assertMayWrite(key: string, options: PutOptions): Promise<void> {
    const existing = await this.#find(key);
    if (existing === undefined) return;
    if (options.ifAbsent) throw alreadyThere(key, existing);
    assertUnlocked(key, existing);
  }

  async #changeLock(key: string, options: CallOptions, changed: (lock: Lock | undefined) => Lock): Promise<void> {
    await this.#inTurn(key, options, async () => {
      await this.head(key);
      await this.#locks.write(key, changed(await this.#locks.read(key)));
    });
  }

  async #inTurn(key: string, options: CallOptions, act: () => Promise<void>): Promise<void> {
    assertObjectKey(key);
    throwIfAborted(options.signal);
    await this.#oneAtATime.take(key, act).catch((error: unknown) => {
      throw storeError(error, key);
    });
  }

  async #find(key: string): Promise<StoredObject | undefined> {
    try {
      return await this.head(key);
    } catch (error) {
      if (error instanceof ObjectStoreError && error.code === 'OBJECT_STORE.NOT_FOUND') return undefined;
      throw error;
    }
  }

  async #open(key: string, options: CallOptions): Promise<{ file: FileHandle; object: StoredObject }> {
    assertObjectKey(key);
    throwIfAborted(options.signal);
    let file: FileHandle | undefined;
    try {
      file = await open(this.#path(key), 'r');
      return { file, object: { ...(await readDescription(file, key)), ...(await this.#locks.read(key)) } };
    } catch (error) {
      await file?.close();
      throw isMissing(error) ? notFound(key, error) : storeError(error, key);
    }
  }

  /** Keys below `folder` ('' or ending in a slash) that begin with `prefix` and come after `after`, ascending. */
  async *#keys(folder: string, prefix: string, after: string): AsyncGenerator<string> {
    const entries = await readdir(join(this.#objects, folder), { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw storeError(error, folder);
    });
    const names = entries
      .map((entry) => folder + (entry.isDirectory() ? `${entry.name}/` : entry.name.slice(0, -OBJECT.length)))
      .filter((name) => (name.endsWith('/') ? mayHold(name, prefix, after) : name.startsWith(prefix) && name > after))
      .sort((a, b) => (a < b ? -1 : 1));
    for (const name of names) {
      if (name.endsWith('/')) yield* this.#keys(name, prefix, after);
      else yield name;
    }
  }

  #path(key: string): string {
    return join(this.#objects, key + OBJECT);
  }
}

/** Whether a key in the folder (with its slash) can begin with `prefix` and come after `after`. */
function mayHold(folder: string, prefix: string, after: string): boolean {
  const onTheWay = folder.startsWith(prefix) || prefix.startsWith(folder);
  return onTheWay && (folder > after || after.startsWith(folder));
}

function assertPlain({ encryption }: PutOptions): void {
  if (encryption === undefined) return;
  const message = `expected no encryption by a store that has none, found ${encryption}`;
  throw new ObjectStoreError('OBJECT_STORE.ENCRYPTION_UNSUPPORTED', message);
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function storeError(cause: unknown, key: string): ObjectStoreError {
  if (cause instanceof ObjectStoreError) return cause;
  const { code, name } = cause as NodeJS.ErrnoException;
  if (name === 'AbortError') return aborted(cause);
  if (code === 'EEXIST') return alreadyThere(key, undefined, cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new ObjectStoreError('OBJECT_STORE.FULL', `no space left for ${key}`, { cause });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new ObjectStoreError('OBJECT_STORE.DENIED', `no right to reach ${key}`, { cause });
  }
  return new ObjectStoreError('OBJECT_STORE.UNAVAILABLE', `the store failed at ${key} (${code ?? name})`, { cause });
}
