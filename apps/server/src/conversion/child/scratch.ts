import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

/** One for each process, also where a restarted container has the same process id again. */
const OWN = `${process.pid}-${randomBytes(4).toString('hex')}`;

/**
 * Folders for children, private to this user (0700), below one folder of this process. What a killed process left is
 * removed by the next that starts on the same root.
 */
export class Scratch {
  constructor(private readonly root: string) {}

  /** A new empty folder. */
  async open(): Promise<string> {
    const folder = join(this.root, OWN);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return mkdtemp(join(folder, 'x-'));
  }

  /** Removes this process's folders. */
  async close(): Promise<void> {
    await rm(join(this.root, OWN), { recursive: true, force: true });
  }

  /** Removes the folders of processes that are gone. A process id used again keeps one until that process ends. */
  async sweep(): Promise<void> {
    const names = await readdir(this.root).catch(() => []);
    for (const name of names) {
      const pid = Number(/^(\d+)-[0-9a-f]{8}$/.exec(name)?.[1]);
      if (!pid || name === OWN || (pid !== process.pid && isAlive(pid))) continue;
      await rm(join(this.root, name), { recursive: true, force: true });
    }
  }
}

/** Bytes of all files below a folder; 0 when it is gone. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await folderBytes(path);
    else if (entry.isFile())
      bytes += await stat(path).then(
        (found) => found.size,
        () => 0,
      );
  }
  return bytes;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
