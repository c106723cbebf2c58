import { join } from 'node:path';
import {
  ArchiveError,
  archiveRingText,
  parsedArchiveRing,
  rotatedArchiveRing,
  type ArchiveKeyRing,
} from '#libs/archive';
import { AuditError } from '../audit.errors.js';
import { keyFile, replaceFile, secretIfThere } from './key-files.js';

const FILE = 'archive.ring';

/** The keys that archived batches are encrypted under; undefined when there is no ring. Rejects as `secretIfThere`, and with AUDIT.KEY_UNREADABLE. */
export async function archiveRingIn(folder: string): Promise<ArchiveKeyRing | undefined> {
  const path = join(folder, FILE);
  const text = await secretIfThere(path);
  return text === undefined ? undefined : ringOf(text, path);
}

/** The same, made when there is none. Of two processes that make one at once, both get the one kept. */
export async function archiveRingMadeIn(folder: string): Promise<ArchiveKeyRing> {
  const path = join(folder, FILE);
  return ringOf(await keyFile(path, () => archiveRingText(rotatedArchiveRing())), path);
}

/** The ring with one more key, which new batches are encrypted under once this resolves. Older keys stay: what is under them is read with them. */
export async function archiveRingRotatedIn(folder: string): Promise<ArchiveKeyRing> {
  const ring = rotatedArchiveRing(await archiveRingIn(folder));
  await replaceFile(join(folder, FILE), archiveRingText(ring));
  return ring;
}

function ringOf(text: string, path: string): ArchiveKeyRing {
  try {
    return parsedArchiveRing(text);
  } catch (cause) {
    if (!(cause instanceof ArchiveError)) throw cause;
    throw new AuditError('AUDIT.KEY_UNREADABLE', `${path}: ${cause.message}`, { cause });
  }
}
