import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AuditError } from '../audit.errors.js';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** What group and others may do. */
const OTHERS = 0o077;

/**
 * The bytes of a key file (0600), made by `make` when there is none. Of two processes that make one at once, both get
 * the one kept; it is on disk before anything is signed with it. Rejects as `secretIfThere`.
 */
export async function keyFile(path: string, make: () => string): Promise<string> {
  const there = await secretIfThere(path);
  if (there !== undefined) return there;
  const temporary = await writtenBeside(path, make());
  // If the process dies here, a file that nobody names is left, and nothing was signed with what is in it.
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

/** Removes a file for good: once this resolves, a power cut does not bring it back. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncedFolder(dirname(path));
}

export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

/** As `readIfThere`; rejects with AUDIT.KEY_PERMISSIONS when anyone but the owner may do anything with the file or its folder. */
export async function secretIfThere(path: string): Promise<string | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  await assertPrivate(dirname(path), FOLDER_MODE);
  await assertPrivate(path, FILE_MODE);
  return text;
}

async function assertPrivate(path: string, expected: number): Promise<void> {
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & OTHERS) === 0) return;
  throw new AuditError(
    'AUDIT.KEY_PERMISSIONS',
    `${path} has mode ${octal(mode)}, expected ${octal(expected)}: others could use it. ` +
      `Run: chmod ${octal(expected)} ${path} — and if anyone else has an account there, rotate the keys (docs/runbooks/keys.md)`,
  );
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** The name of a synced file (0600) in the folder of `path`, which is made if it is not there (0700). */
export async function writtenBeside(path: string, content: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.new`);
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

/** Once resolved, names put into this folder or taken out of it survive a power cut. */
export async function syncedFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
