import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AuditError } from '../audit.errors.js';

/**
 * Rejects with AUDIT.ANCHOR_NOT_APART when whoever can write to the data folder or to the product's own object store
 * can by that write to the anchor: a folder in or around either of them, or the same bucket.
 */
export async function assertApart(
  anchorUrl: string,
  { dataDir, objectStoreUrl }: { dataDir: string; objectStoreUrl: string },
): Promise<void> {
  const [anchor, own] = [placeOf(anchorUrl), placeOf(objectStoreUrl)];
  if ('bucket' in anchor) {
    if ('bucket' in own && own.bucket === anchor.bucket) throw notApart('the bucket of OBJECT_STORE_URL');
    return;
  }
  const folder = await realFolder(anchor.folder);
  if (meet(folder, await realFolder(dataDir))) throw notApart('a folder in or around the data folder');
  if ('folder' in own && meet(folder, await realFolder(own.folder))) {
    throw notApart('a folder in or around that of OBJECT_STORE_URL');
  }
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
