import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { syncFolder } from './durable-folders.js';
import type { DurableFolders } from './durable-folders.js';
import { ObjectStoreError } from './object-store.errors.js';
import type { LockMode } from './object-store.types.js';
import type { Lock } from './retention.js';
import { temporaryName } from './temporary-files.js';

/** Retention and holds, one small file beside the tree of objects for each object that has any. Durable on return. */
export class FileLocks {
  constructor(
    private readonly root: string,
    private readonly temporary: string,
    private readonly folders: DurableFolders,
  ) {}

  async read(key: string): Promise<Lock | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { retainUntil, lockMode = 'compliance', legalHold } = JSON.parse(text) as WrittenLock;
      return { ...(retainUntil !== undefined && { retainUntil: new Date(retainUntil), lockMode }), legalHold };
    } catch (cause) {
      throw new ObjectStoreError('OBJECT_STORE.CORRUPT', `the lock of ${key} is unreadable`, { cause });
    }
  }

  async write(key: string, lock: Lock): Promise<void> {
    const path = this.#path(key);
    await this.folders.ensure(dirname(path));
    const temporary = join(this.temporary, temporaryName());
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(lock));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  }

  async clear(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    return join(this.root, `${key}@lock`);
  }
}

/** Locks of earlier versions name no mode. */
interface WrittenLock {
  retainUntil?: string;
  lockMode?: LockMode;
  legalHold: boolean;
}
