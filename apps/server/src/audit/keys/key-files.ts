import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * The bytes of a key file (0600), made by `make` when there is none. Of two processes that make one at once, both get
 * the one kept; it is on disk before anything is signed with it.
 */
export async function keyFile(path: string, make: () => string): Promise<string> {
  const there = await readIfThere(path);
  if (there !== undefined) return there;
  const temporary = await writtenBeside(path, make());
  await link(temporary, path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await rm(temporary, { force: true });
  await syncedFolder(dirname(path));
  return readFile(path, 'utf8');
}

/** Replaces a file: after this resolves the new content survives a power cut, before that the old one does. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = await writtenBeside(path, content);
  await rename(temporary, path);
  await syncedFolder(dirname(path));
}

export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

async function writtenBeside(path: string, content: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.new`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

async function syncedFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
