import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

const REMEMBERED = 10_000;

/** Folders below a root that survive a power cut: made and synced into their parents, the latter once a process. */
export class DurableFolders {
  readonly #done = new Map<string, Promise<void>>();

  constructor(private readonly root: string) {}

  /** The folder exists durably on return. */
  ensure(folder: string): Promise<void> {
    const known = this.#done.get(folder);
    if (known) return known;
    if (this.#done.size >= REMEMBERED) this.#done.clear();
    const made = this.#make(folder);
    this.#done.set(folder, made);
    made.catch(() => this.#done.delete(folder));
    return made;
  }

  async #make(folder: string): Promise<void> {
    if (folder === this.root) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } else {
      await this.ensure(dirname(folder));
      await mkdir(folder, 0o700).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
    await syncFolder(dirname(folder));
  }
}

/** The names in the folder (links, renames, removals) are durable on return. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
