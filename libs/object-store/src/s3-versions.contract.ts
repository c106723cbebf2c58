import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { openObjectStore } from './index.js';
import type { ObjectStore } from './index.js';

/** What a bucket with Object Lock promises beyond the contract. The file system keeps one version and no markers. */
export function describeVersions(url: URL): void {
  describe('S3 with versions', () => {
    let store: ObjectStore;
    let key: string;
    let client: S3Client;

    beforeAll(async () => {
      store = await openObjectStore(url.href);
      const endpoint = url.searchParams.get('endpoint')!;
      client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    });
    beforeEach(() => {
      key = `versions/${randomUUID()}`;
    });
    afterAll(() => {
      store.close();
      client.destroy();
    });

    const put = async (text: string, options = {}) => (await store.put(key, Buffer.from(text), options)).version!;
    const text = async (version?: string) => (await buffer((await store.get(key, { version })).body)).toString();
    const names = async () => (await store.versions(key)).map(({ version }) => version);
    const address = () => ({ Bucket: url.hostname, Key: `${url.pathname.slice(1)}/${key}` });
    // As whoever can write to the bucket does, and not this program.
    const fake = async () => (await client.send(new PutObjectCommand({ ...address(), Body: 'fake' }))).VersionId!;
    const hide = async () => (await client.send(new DeleteObjectCommand(address()))).VersionId!;
    const inAnHour = () => new Date(Date.now() + 3_600_000);

    it('names them newest first', async () => {
      const all = [await put('first'), await put('second'), await put('third')];
      expect(await names()).toEqual(all.reverse());
      expect((await store.versions(key)).map(({ newest }) => newest)).toEqual([true, false, false]);
    });

    it('gives a version below a newer one', async () => {
      const version = await put('first');
      await fake();
      expect(await text(version)).toBe('first');
      expect(await store.head(key, { version })).toMatchObject({ bytes: 5, version });
      await expect(store.get(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.CORRUPT' });
    });

    it('gives a version through a delete marker, which is named', async () => {
      const version = await put('first');
      const marker = await hide();
      await expect(store.head(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      expect(await text(version)).toBe('first');
      expect(await store.head(key, { version })).toMatchObject({ bytes: 5, version });
      expect(await store.versions(key)).toEqual([
        expect.objectContaining({ version: marker, newest: true, deleteMarker: true }),
        expect.objectContaining({ version, newest: false, deleteMarker: false }),
      ]);
    });

    it('has no version of a name it never gave', async () => {
      await put('first');
      const code = expect.stringMatching(/NOT_FOUND|REFUSED/) as string;
      await expect(store.get(key, { version: randomUUID() })).rejects.toMatchObject({ code });
    });

    it('locks the version that is named, and tells its lock, below a newer one', async () => {
      const version = await put('first');
      const newer = await put('fake');
      await store.retain(key, inAnHour(), { version, lockMode: 'governance' });
      await store.hold(key, true, { version });
      expect(await store.head(key, { version })).toMatchObject({ lockMode: 'governance', legalHold: true });
      const other = await store.head(key, { version: newer });
      expect([other.retainUntil, other.legalHold]).toEqual([undefined, false]);
      await store.hold(key, false, { version });
      expect(await store.head(key, { version })).toMatchObject({ lockMode: 'governance', legalHold: false });
    });

    it('removes every version with the markers, oldest first', async () => {
      await put('first');
      await hide();
      await put('second');
      await hide();
      await store.delete(key);
      await store.delete(key);
      expect(await names()).toEqual([]);
    });

    it.each([
      ['a newer version', fake],
      ['a delete marker', hide],
    ])('removes nothing while a version below %s is locked', async (_what, cover) => {
      await put('kept', { retainUntil: inAnHour() });
      await cover();
      const before = await names();
      await expect(store.delete(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.RETAINED' });
      expect(await names()).toEqual(before);
    });

    // What the bucket itself does, whoever asks; AWS: "Object Lock", retention modes.
    it.each([
      ['governance', false, 403],
      ['governance', true, 204],
      ['compliance', false, 403],
      ['compliance', true, 403],
    ] as const)('in %s mode, deletion with bypass %s is answered with %d', async (lockMode, bypass, status) => {
      const VersionId = await put('kept', { retainUntil: inAnHour(), lockMode });
      const command = new DeleteObjectCommand({ ...address(), VersionId, BypassGovernanceRetention: bypass });
      const answer = await client.send(command).catch((error: unknown) => error as { $metadata: object });
      expect(answer.$metadata).toMatchObject({ httpStatusCode: status });
      if (status === 403) expect(await text(VersionId)).toBe('kept');
      else expect(await names()).toEqual([]);
    });
  });
}
