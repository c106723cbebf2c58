import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AuditError } from '../audit.errors.js';

/**
 * Rejects with AUDIT.ANCHOR_NOT_APART when whoever can write to the data folder or to a store of the product's own can
 * by that write to the anchor: a folder in or around one of them, or the same bucket. `stores`: by what names them.
 */
export async function assertApart(
  anchorUrl: string,
  { dataDir, stores }: { dataDir: string; stores: Record<string, string> },
): Promise<void> {
  for (const [name, storeUrl] of Object.entries(stores)) {
    const shared = await sharedPlace(anchorUrl, { dataDir, storeUrl });
    if (shared === 'bucket') throw notApart(`the bucket of ${name}`);
    if (shared === 'data') throw notApart('a folder in or around the data folder');
    if (shared === 'folder') throw notApart(`a folder in or around that of ${name}`);
  }
}

/** What of the data folder or of the store the URL lies in or around: their bucket, a folder; undefined when apart. */
export async function sharedPlace(
  url: string,
  { dataDir, storeUrl }: { dataDir: string; storeUrl: string },
): Promise<'bucket' | 'data' | 'folder' | undefined> {
  const [place, own] = [placeOf(url), placeOf(storeUrl)];
  if ('bucket' in place) return 'bucket' in own && own.bucket === place.bucket ? 'bucket' : undefined;
  const folder = await realFolder(place.folder);
  if (meet(folder, await realFolder(dataDir))) return 'data';
  return 'folder' in own && meet(folder, await realFolder(own.folder)) ? 'folder' : undefined;
}

function placeOf(url: string): { folder: string } | { bucket: string } {
  const { protocol, hostname, searchParams } = new URL(url);
  if (protocol === 'file:') return { folder: fileURLToPath(url) };
  return { bucket: `${searchParams.get('endpoint') ?? ''} ${hostname}` };
}

/** Where the folder is, or will be when it is made. */
async function realFolder(path: string): Promise<string> {
  const parent = dirname(path);
  return realpath(path).catch(async () =>
    parent === path ? path : join(await realFolder(parent), path.slice(parent.length)),
  );
}

const meet = (a: string, b: string): boolean => isWithin(a, b) || isWithin(b, a);
const isWithin = (inner: string, outer: string): boolean => !relative(outer, inner).startsWith('..');

const notApart = (found: string): AuditError =>
  new AuditError('AUDIT.ANCHOR_NOT_APART', `expected AUDIT_ANCHOR_URL in another trust domain, found ${found}`);
