import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Settings } from '../../settings.js';
import { coldPlaces, type ColdPlaces } from './cold-places.js';

const DATA = join(tmpdir(), 'assay-cold-places');
const places = (env: Record<string, string>): Promise<ColdPlaces> =>
  coldPlaces(new Settings({ ASSAY_DATA_DIR: DATA, ...env }));
const url = (path: string): string => pathToFileURL(path).href;

describe('coldPlaces', () => {
  it('is a folder in the data folder when nothing is said', async () => {
    expect(await places({})).toEqual({
      primary: { url: url(join(DATA, 'cold')), credentials: undefined, setting: 'AUDIT_COLD_URL' },
      copy: undefined,
    });
  });

  it('is the bucket, with a prefix where one is named', async () => {
    const { primary } = await places({
      AUDIT_COLD_BUCKET: 'assay-audit/eu',
      AUDIT_COLD_ENDPOINT: 'http://127.0.0.1:7070',
      AUDIT_COLD_REGION: 'eu-central-1',
      AUDIT_COLD_ACCESS_KEY: 'id',
      AUDIT_COLD_SECRET_KEY: 'secret',
    });
    const { hostname, pathname, searchParams } = new URL(primary.url);
    expect([hostname, pathname]).toEqual(['assay-audit', '/eu']);
    expect(Object.fromEntries(searchParams)).toEqual({ endpoint: 'http://127.0.0.1:7070', region: 'eu-central-1' });
    expect(primary.credentials).toEqual({ accessKeyId: 'id', secretAccessKey: 'secret' });
  });

  it('takes a copy in another folder, or in a bucket of that name in another region', async () => {
    const bucket = { AUDIT_COLD_BUCKET: 'assay-audit', AUDIT_COLD_ENDPOINT: 'http://a:7070' };
    const other = 's3://assay-audit?endpoint=http://b:7070';
    expect((await places({ AUDIT_COLD_COPY_URL: url(`${DATA}-copy`) })).copy?.url).toBe(url(`${DATA}-copy`));
    expect((await places({ ...bucket, AUDIT_COLD_COPY_URL: other })).copy?.url).toBe(other);
  });

  it.each([
    ['the data folder', { AUDIT_COLD_COPY_URL: url(join(DATA, 'copy')) }],
    ['the same folder', { AUDIT_COLD_URL: url(`${DATA}-a`), AUDIT_COLD_COPY_URL: url(`${DATA}-a/b`) }],
    ['the same bucket', { AUDIT_COLD_BUCKET: 'assay-audit', AUDIT_COLD_COPY_URL: 's3://assay-audit/copy' }],
  ])('rejects a copy in %s with AUDIT.COLD_COPY_NOT_APART', async (_where, env) => {
    const error: unknown = await places(env).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'AUDIT.COLD_COPY_NOT_APART' });
    expect((error as Error).message).toContain('AUDIT_COLD_COPY_URL');
  });

  const bucket = { AUDIT_COLD_BUCKET: 'assay-audit' };
  it.each([
    ['AUDIT_COLD_URL', { ...bucket, AUDIT_COLD_URL: 's3://other' }],
    ['AUDIT_COLD_URL', { AUDIT_COLD_URL: 'https://somewhere' }],
    ['AUDIT_COLD_BUCKET', { AUDIT_COLD_BUCKET: 's3://assay-audit' }],
    ['AUDIT_COLD_ENDPOINT', { AUDIT_COLD_ENDPOINT: 'http://127.0.0.1:7070' }],
    ['AUDIT_COLD_ENDPOINT', { ...bucket, AUDIT_COLD_ENDPOINT: 'store:7070' }],
    ['AUDIT_COLD_REGION', { AUDIT_COLD_REGION: 'eu-central-1' }],
    ['AUDIT_COLD_SECRET_KEY', { ...bucket, AUDIT_COLD_ACCESS_KEY: 'id' }],
    ['AUDIT_COLD_ACCESS_KEY', { ...bucket, AUDIT_COLD_SECRET_KEY: 'hunter2hunter2' }],
    ['AUDIT_COLD_SSE', { AUDIT_COLD_SSE: 'AES256' }],
    ['AUDIT_COLD_RETAIN_DAYS', { ...bucket, AUDIT_COLD_LOCK: 'governance' }],
    ['AUDIT_COLD_LOCK', { ...bucket, AUDIT_COLD_RETAIN_DAYS: '30' }],
    ['AUDIT_COLD_COPY_URL', { AUDIT_COLD_COPY_URL: 'copy' }],
    ['AUDIT_COLD_COPY_ACCESS_KEY', { AUDIT_COLD_COPY_ACCESS_KEY: 'a', AUDIT_COLD_COPY_SECRET_KEY: 'hunter2hunter2' }],
  ])('rejects with AUDIT.COLD_SETTING_INVALID, naming %s and no secret', async (name, env: Record<string, string>) => {
    const error: unknown = await places(env).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'AUDIT.COLD_SETTING_INVALID' });
    expect((error as Error).message).toMatch(new RegExp(`^${name}: `));
    expect((error as Error).message).not.toContain('hunter2');
  });
});
