import { chmod, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { keyIdOf, newApiKey } from '../domain/api-key.js';
import { IdentityError } from '../identity.errors.js';

/**
 * The key in `file`, or a new one written there (0600). Once resolved, the file survives a power cut.
 *
 * Rejects with IDENTITY.KEY_FILE_UNUSABLE when the file holds something else.
 */
export async function operatorKeyIn(file: string): Promise<{ key: string; made: boolean }> {
  const text = await textOf(file);
  if (text === undefined) return { key: await madeKey(file), made: true };
  const key = text.trim();
  if (keyIdOf(key) === undefined) {
    throw new IdentityError(
      'IDENTITY.KEY_FILE_UNUSABLE',
      `expected one line assay_<id>_<secret> in ${file}, found something else; remove the file to have a new key`,
    );
  }
  await chmod(file, 0o600);
  return { key, made: false };
}

async function madeKey(file: string): Promise<string> {
  const key = newApiKey();
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${key}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // If the process dies here, the next start writes the draft anew: nobody has seen this key.
  await rename(draft, file);
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return key;
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new IdentityError('IDENTITY.KEY_FILE_UNUSABLE', `${file} cannot be read`, { cause: error });
  }
}
