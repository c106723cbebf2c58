import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assertApart } from './apart.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-apart-'));
  await mkdir(join(folder, 'data/objects'), { recursive: true });
  await mkdir(join(folder, 'elsewhere'));
  await symlink(join(folder, 'data'), join(folder, 'link'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const url = (path: string): string => (path.startsWith('s3:') ? path : pathToFileURL(join(folder, path)).href);
const asserted = (anchor: string, objects = 'data/objects'): Promise<void> =>
  assertApart(url(anchor), {
    dataDir: join(folder, 'data'),
    stores: { OBJECT_STORE_URL: url(objects), AUDIT_COLD_URL: url('cold') },
  });

const BUCKET = 's3://assay/objects?endpoint=http://127.0.0.1:7070';

describe('assertApart', () => {
  it.each([
    ['another folder', 'elsewhere', undefined],
    ['a folder that is still to be made', 'elsewhere/anchors/deep', undefined],
    ['a folder whose name begins alike', 'data-anchors', undefined],
    ['a bucket beside folders', BUCKET, undefined],
    ['another bucket', BUCKET.replace('assay', 'anchors'), BUCKET],
    ['a bucket of that name elsewhere', BUCKET.replace('7070', '7071'), BUCKET],
    ['a folder beside a bucket', 'elsewhere', BUCKET],
  ])('takes %s', async (_what, anchor, objects) => {
    await asserted(anchor, objects);
  });

  it.each([
    ['a folder in the data folder', 'data/anchors', undefined],
    ['the data folder', 'data', undefined],
    ['a folder around the data folder', '.', undefined],
    ['the data folder by another name', 'link/anchors', undefined],
    ["the product's own store", 'elsewhere', 'elsewhere'],
    ['the store of its archive', 'cold/anchors', undefined],
    ["a folder in the product's own store", 'elsewhere/anchors', 'elsewhere'],
    ['the same bucket under another prefix', BUCKET.replace('/objects', '/anchors'), BUCKET],
  ])('rejects %s with AUDIT.ANCHOR_NOT_APART', async (_what, anchor, objects) => {
    await expect(asserted(anchor, objects)).rejects.toMatchObject({ code: 'AUDIT.ANCHOR_NOT_APART' });
  });
});
