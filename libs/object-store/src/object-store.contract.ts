import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import type { ObjectStore } from './object-store.types.js';

/** Larger than one S3 part, and no multiple of anything. */
const LARGE = 17 * 1024 * 1024 + 311;

/** What every form of the store promises. `open` is called once; the tests use keys of their own. */
export function describeObjectStore(name: string, open: () => Promise<ObjectStore>): void {
  describe(name, () => {
    let store: ObjectStore;
    let folder: string;

    beforeAll(async () => {
      store = await open();
    });
    beforeEach(() => {
      folder = `contract/${randomUUID()}`;
    });
    afterAll(() => store.close());

    const text = async (key: string) => (await buffer((await store.get(key)).body)).toString();
    const keys = async (prefix: string, options = {}) => {
      const found: string[] = [];
      for await (const { key } of store.list(prefix, options)) found.push(key);
      return found;
    };

    describe('put', () => {
      it('stores a stream and tells its length and SHA-256', async () => {
        const stored = await store.put(`${folder}/a`, Readable.from([Buffer.from('hel'), Buffer.from('lo')]));
        // FIPS 180-4 SHA-256 of "hello", as sha256sum prints it.
        const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
        expect(stored).toMatchObject({ key: `${folder}/a`, bytes: 5, sha256, legalHold: false });
        expect(await store.head(`${folder}/a`)).toMatchObject({ bytes: 5, sha256 });
        expect(await text(`${folder}/a`)).toBe('hello');
      });

      it('keeps the content type', async () => {
        await store.put(`${folder}/a`, Buffer.from('{}'), { contentType: 'application/json' });
        expect((await store.head(`${folder}/a`)).contentType).toBe('application/json');
      });

      it('stores an empty body', async () => {
        expect((await store.put(`${folder}/empty`, Readable.from([]))).bytes).toBe(0);
        expect(await text(`${folder}/empty`)).toBe('');
      });

      it.each([
        ['without knowing its digest', false],
        ['with its digest announced', true],
      ])('stores a large body %s', async (_how, announced) => {
        const body = randomBytes(LARGE);
        const sha256 = createHash('sha256').update(body).digest('hex');
        const chunks = Array.from({ length: Math.ceil(LARGE / 300_000) }, (_, i) =>
          body.subarray(i * 300_000, (i + 1) * 300_000),
        );
        const options = announced ? { bytes: LARGE, expectedSha256: sha256 } : {};
        expect(await store.put(`${folder}/large`, Readable.from(chunks), options)).toMatchObject({ sha256 });
        expect(await store.head(`${folder}/large`)).toMatchObject({ bytes: LARGE, sha256 });
        expect((await buffer((await store.get(`${folder}/large`)).body)).equals(body)).toBe(true);
        await store.delete(`${folder}/large`);
        await expect(store.head(`${folder}/large`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      });

      it('replaces what was there', async () => {
        await store.put(`${folder}/a`, Buffer.from('old'));
        await store.put(`${folder}/a`, Buffer.from('newer'));
        expect(await text(`${folder}/a`)).toBe('newer');
        expect(await keys(`${folder}/`)).toEqual([`${folder}/a`]);
      });

      it.each([
        ['OBJECT_STORE.DIGEST_MISMATCH', { expectedSha256: '0'.repeat(64) }],
        ['OBJECT_STORE.SIZE_MISMATCH', { bytes: 4 }],
      ])('rejects with %s and stores nothing', async (code, options) => {
        await expect(store.put(`${folder}/a`, Buffer.from('hello'), options)).rejects.toMatchObject({ code });
        await expect(store.head(`${folder}/a`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      });

      it.each([
        ['small', 1000],
        ['large', LARGE],
      ])('stores nothing of a %s stream that fails, and keeps its error as the cause', async (_size, bytes) => {
        const fault = new Error('client went away');
        async function* failing() {
          yield randomBytes(bytes);
          throw fault;
        }
        await store.put(`${folder}/a`, Buffer.from('old'));
        await expect(store.put(`${folder}/a`, Readable.from(failing()))).rejects.toMatchObject({
          code: 'OBJECT_STORE.SOURCE_FAILED',
          cause: fault,
        });
        expect(await text(`${folder}/a`)).toBe('old');
        expect(await keys(`${folder}/`)).toEqual([`${folder}/a`]);
      });

      it('stores nothing of a stream destroyed without an error', async () => {
        async function* broken() {
          yield randomBytes(10);
          body.destroy();
        }
        const body: Readable = Readable.from(broken());
        await expect(store.put(`${folder}/a`, body)).rejects.toMatchObject({ code: 'OBJECT_STORE.SOURCE_FAILED' });
        await expect(store.head(`${folder}/a`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      });

      it('stores nothing when the caller gives up, and destroys the body', async () => {
        const caller = new AbortController();
        async function* endless() {
          yield Buffer.alloc(1000);
          caller.abort();
          await new Promise(() => undefined);
        }
        const body = Readable.from(endless());
        await expect(store.put(`${folder}/a`, body, { signal: caller.signal })).rejects.toMatchObject({
          code: 'OBJECT_STORE.ABORTED',
        });
        expect(body.destroyed).toBe(true);
        await expect(store.head(`${folder}/a`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      });

      it('rejects with KEY_INVALID for a key that leads out of the store', async () => {
        for (const key of ['../a', 'a/../../b', '/a', 'a\\b', 'a\0b', 'A', '.sha256/a']) {
          await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject({ code: 'OBJECT_STORE.KEY_INVALID' });
          await expect(store.get(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.KEY_INVALID' });
          await expect(store.delete(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.KEY_INVALID' });
        }
      });
    });

    describe('put with ifAbsent', () => {
      it('rejects with EXISTS the second time, naming what is there', async () => {
        const stored = await store.put(`${folder}/a`, Buffer.from('first'), { ifAbsent: true });
        await expect(store.put(`${folder}/a`, Buffer.from('second'), { ifAbsent: true })).rejects.toMatchObject({
          code: 'OBJECT_STORE.EXISTS',
          existing: { sha256: stored.sha256, bytes: 5 },
        });
        expect(await text(`${folder}/a`)).toBe('first');
      });

      it.each([
        ['small', 100],
        ['large', LARGE],
      ])('lets exactly one of several racing %s puts win', async (_size, bytes) => {
        const racers = Array.from({ length: 4 }, (_, i) => Buffer.alloc(bytes, `${i}`));
        const outcomes = await Promise.allSettled(
          racers.map((body) => store.put(`${folder}/race`, body, { ifAbsent: true })),
        );
        const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
        expect(won).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') continue;
          expect(outcome.reason).toMatchObject({ code: 'OBJECT_STORE.EXISTS', existing: { sha256: won[0]!.sha256 } });
        }
        expect((await store.head(`${folder}/race`)).sha256).toBe(won[0]!.sha256);
      });
    });

    describe('get and head', () => {
      it('reject with NOT_FOUND where nothing is', async () => {
        await expect(store.get(`${folder}/none`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
        await expect(store.head(`${folder}/none`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      });

      it('let a body be given up half read', async () => {
        await store.put(`${folder}/large`, Readable.from([randomBytes(LARGE)]));
        const caller = new AbortController();
        const { body } = await store.get(`${folder}/large`, { signal: caller.signal });
        const reading = (async () => {
          for await (const chunk of body) if (chunk) caller.abort();
        })();
        await expect(reading).rejects.toMatchObject({ code: 'OBJECT_STORE.ABORTED' });
      });
    });

    describe('list', () => {
      it('gives the keys under a prefix in order, and goes on after a key', async () => {
        const all = ['a-b', 'a.b', 'a/b', 'a/c/d', 'a0', 'b'].map((key) => `${folder}/${key}`);
        for (const key of [...all].reverse()) await store.put(key, Buffer.from(key));
        expect(await keys(`${folder}/`)).toEqual(all);
        expect(await keys(`${folder}/a`)).toEqual(all.slice(0, 5));
        expect(await keys(`${folder}/a/`)).toEqual(all.slice(2, 4));
        expect(await keys(`${folder}/`, { limit: 2 })).toEqual(all.slice(0, 2));
        for (const [index, after] of all.entries()) {
          expect(await keys(`${folder}/`, { after, limit: 2 })).toEqual(all.slice(index + 1, index + 3));
        }
      });

      it('tells lengths, and nothing but objects', async () => {
        await store.put(`${folder}/large`, Readable.from([randomBytes(LARGE)]));
        const listed = [];
        for await (const object of store.list('')) listed.push(object);
        expect(listed).toContainEqual({ key: `${folder}/large`, bytes: LARGE, storedAt: expect.any(Date) as Date });
        expect(listed.filter(({ key }) => key.startsWith('.'))).toEqual([]);
      });

      it('rejects with KEY_INVALID for what no key can begin with', async () => {
        for (const prefix of ['/', '../', 'a//', '.', 'A']) {
          await expect(keys(prefix)).rejects.toMatchObject({ code: 'OBJECT_STORE.KEY_INVALID' });
        }
      });
    });

    describe('delete', () => {
      it('removes the object with what it replaced, and may be repeated', async () => {
        await store.put(`${folder}/a`, Buffer.from('one'));
        await store.put(`${folder}/a`, Buffer.from('two'));
        await store.delete(`${folder}/a`);
        await store.delete(`${folder}/a`);
        await expect(store.get(`${folder}/a`)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
        expect(await keys(`${folder}/`)).toEqual([]);
        await store.put(`${folder}/a`, Buffer.from('three'), { ifAbsent: true });
        expect(await text(`${folder}/a`)).toBe('three');
      });
    });

    describe('versions', () => {
      it('are none where nothing is, and one of what was put', async () => {
        expect(await store.versions(`${folder}/a`)).toEqual([]);
        const { version } = await store.put(`${folder}/a`, Buffer.from('one'));
        await store.put(`${folder}/ab`, Buffer.from('begins alike'));
        const storedAt = expect.any(Date) as Date;
        expect(await store.versions(`${folder}/a`)).toEqual([{ version, storedAt, newest: true, deleteMarker: false }]);
        expect(await store.head(`${folder}/a`, { version })).toMatchObject({ bytes: 3 });
        expect((await buffer((await store.get(`${folder}/a`, { version })).body)).toString()).toBe('one');
        await store.delete(`${folder}/a`);
        expect(await store.versions(`${folder}/a`)).toEqual([]);
      });
    });

    describe('retention', () => {
      const inAnHour = () => new Date(Date.now() + 3_600_000);

      const expectRetained = async (key: string) => {
        const code = 'OBJECT_STORE.RETAINED';
        await expect(store.delete(key)).rejects.toMatchObject({ code });
        await expect(store.put(key, Buffer.from('other'))).rejects.toMatchObject({ code });
      };

      it('refuses to delete or overwrite a retained object', async () => {
        const retainUntil = inAnHour();
        await store.put(`${folder}/a`, Buffer.from('kept'), { retainUntil, ifAbsent: true });
        const found = await store.head(`${folder}/a`);
        expect(found.retainUntil!.getTime()).toBe(Math.ceil(retainUntil.getTime() / 1000) * 1000);
        await expectRetained(`${folder}/a`);
        expect(await text(`${folder}/a`)).toBe('kept');
      });

      it.each(['governance', 'compliance'] as const)(
        'refuses in %s mode, which lengthening keeps',
        async (lockMode) => {
          const key = `${folder}/a`;
          const { version } = await store.put(key, Buffer.from('kept'), { retainUntil: inAnHour(), lockMode });
          expect(await store.head(key)).toMatchObject({ lockMode });
          await expectRetained(key);
          const longer = new Date(Math.ceil(Date.now() / 1000) * 1000 + 7_200_000);
          const other = lockMode === 'governance' ? 'compliance' : 'governance';
          await store.retain(key, longer, { version, lockMode: other });
          expect(await store.head(key, { version })).toMatchObject({ lockMode, retainUntil: longer });
          await expectRetained(key);
        },
      );

      it('retains in the mode asked for, what was not retained', async () => {
        await store.put(`${folder}/a`, Buffer.from('kept'));
        await store.retain(`${folder}/a`, inAnHour(), { lockMode: 'governance' });
        expect(await store.head(`${folder}/a`)).toMatchObject({ lockMode: 'governance', legalHold: false });
        await expectRetained(`${folder}/a`);
      });

      it('retains a large object', async () => {
        await store.put(`${folder}/large`, Readable.from([randomBytes(LARGE)]), { retainUntil: inAnHour() });
        await expectRetained(`${folder}/large`);
      });

      it('ends with its time', async () => {
        await store.put(`${folder}/a`, Buffer.from('kept'), { retainUntil: new Date(Date.now() + 1_000) });
        await expectRetained(`${folder}/a`);
        for (;;) {
          const error: unknown = await store.delete(`${folder}/a`).catch((thrown: unknown) => thrown);
          if (error === undefined) break;
          expect(error).toMatchObject({ code: 'OBJECT_STORE.RETAINED' });
          await new Promise((retry) => setTimeout(retry, 100));
        }
        expect(await keys(`${folder}/`)).toEqual([]);
      });

      it('can be lengthened and not shortened', async () => {
        await store.put(`${folder}/a`, Buffer.from('kept'));
        const until = inAnHour();
        await store.retain(`${folder}/a`, until);
        await store.retain(`${folder}/a`, new Date(until.getTime() + 60_000));
        await expect(store.retain(`${folder}/a`, until)).rejects.toMatchObject({ code: 'OBJECT_STORE.RETAINED' });
        await expectRetained(`${folder}/a`);
      });

      it('holds until the hold ends', async () => {
        await store.put(`${folder}/a`, Buffer.from('held'), { legalHold: true });
        expect((await store.head(`${folder}/a`)).legalHold).toBe(true);
        await expectRetained(`${folder}/a`);
        await store.hold(`${folder}/a`, false);
        await store.hold(`${folder}/a`, false);
        await store.put(`${folder}/a`, Buffer.from('replaced'));
        await store.hold(`${folder}/a`, true);
        await expectRetained(`${folder}/a`);
        await store.hold(`${folder}/a`, false);
        await store.delete(`${folder}/a`);
        expect(await keys(`${folder}/`)).toEqual([]);
      });

      it('holds a large object until the hold ends', async () => {
        await store.put(`${folder}/large`, Readable.from([randomBytes(LARGE)]), { legalHold: true });
        await expectRetained(`${folder}/large`);
        await store.hold(`${folder}/large`, false);
        await store.delete(`${folder}/large`);
        expect(await keys(`${folder}/`)).toEqual([]);
      });

      it('rejects with NOT_FOUND where nothing is, with RETENTION_INVALID for a time that is past', async () => {
        const code = 'OBJECT_STORE.NOT_FOUND';
        await expect(store.hold(`${folder}/none`, true)).rejects.toMatchObject({ code });
        await expect(store.retain(`${folder}/none`, inAnHour())).rejects.toMatchObject({ code });
        await expect(store.put(`${folder}/a`, Buffer.from('x'), { retainUntil: new Date(0) })).rejects.toMatchObject({
          code: 'OBJECT_STORE.RETENTION_INVALID',
        });
      });
    });
  });
}
