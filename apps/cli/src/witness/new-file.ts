import { randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files that begin so are half written, or were left by a crash. */
export const DRAFT = '.draft-';

/**
 * Makes a file (0600) that must not be there yet; false when it is. True: the whole content survives a power cut. Of
 * any number of callers, in any number of processes, one gets true.
 */
export async function newFile(path: string, content: string): Promise<boolean> {
  const folder = dirname(path);
  const draft = join(folder, `${DRAFT}${randomBytes(8).toString('hex')}`);
  try {
    await syncedDraft(draft, content);
    // If the process dies here, the draft is left, and nothing reads it.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(folder);
  return true;
}

/** The names in the folder are durable on return. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function syncedDraft(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
