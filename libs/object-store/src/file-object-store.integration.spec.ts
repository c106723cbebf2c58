import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

import { openObjectStore } from './index.js';
import type { ObjectStore } from './index.js';

const BUILT = pathToFileURL(resolve(import.meta.dirname, '../../../dist/libs/object-store/src/index.js')).href;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-object-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (): Promise<ObjectStore> => openObjectStore(pathToFileURL(folder).href);

async function keysIn(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

describe('FileObjectStore', () => {
  it('keeps an object beside the folder of the same name', async () => {
    const store = await open();
    await store.put('a', Buffer.from('object'));
    await store.put('a/b', Buffer.from('below'));
    expect(await keysIn(store)).toEqual(['a', 'a/b']);
    await store.delete('a');
    expect(await keysIn(store)).toEqual(['a/b']);
  });

  it('remembers retention after it was closed', async () => {
    await (await open()).put('a', Buffer.from('kept'), { retainUntil: new Date(Date.now() + 3_600_000) });
    await expect((await open()).delete('a')).rejects.toMatchObject({ code: 'OBJECT_STORE.RETAINED' });
  });

  it('takes a lock that names no mode, as earlier versions wrote it, for compliance', async () => {
    await (await open()).put('a', Buffer.from('kept'), { retainUntil: new Date(Date.now() + 3_600_000) });
    const path = join(folder, 'locks', 'a@lock');
    const { lockMode, ...earlier } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    expect(lockMode).toBe('compliance');
    await writeFile(path, JSON.stringify(earlier));
    expect(await (await open()).head('a')).toMatchObject({ lockMode: 'compliance' });
  });

  it('rejects with ENCRYPTION_UNSUPPORTED a put that is to be encrypted, and stores nothing', async () => {
    const store = await open();
    await expect(store.put('a', Buffer.from('plain'), { encryption: 'AES256' })).rejects.toMatchObject({
      code: 'OBJECT_STORE.ENCRYPTION_UNSUPPORTED',
    });
    expect(await keysIn(store)).toEqual([]);
  });

  it('fails the body with CORRUPT when a byte was changed on the disk', async () => {
    const store = await open();
    await store.put('a', Buffer.from('hello'));
    const path = join(folder, 'objects', 'a@object');
    const bytes = await readFile(path);
    bytes[0]! ^= 1;
    await writeFile(path, bytes);
    await expect(buffer((await store.get('a')).body)).rejects.toMatchObject({ code: 'OBJECT_STORE.CORRUPT' });
  });

  it.each([0, 3, 100])('rejects with CORRUPT when the file was cut to %d bytes', async (length) => {
    const store = await open();
    await store.put('a', Buffer.from('hello'));
    await truncate(join(folder, 'objects', 'a@object'), length);
    await expect(store.get('a')).rejects.toMatchObject({ code: 'OBJECT_STORE.CORRUPT' });
    await expect(store.head('a')).rejects.toMatchObject({ code: 'OBJECT_STORE.CORRUPT' });
    expect(await keysIn(store)).toEqual(['a']);
  });

  it('names no path in its messages', async () => {
    const store = await open();
    const error: unknown = await store.get('a').catch((thrown: unknown) => thrown);
    expect((error as Error).message).not.toContain(folder);
  });
});

describe('FileObjectStore killed', () => {
  let child: ChildProcess | undefined;
  afterEach(() => child?.kill('SIGKILL'));

  /** Runs `work` against the built store in a process of its own; gives the lines it prints. */
  function started(work: string): AsyncIterableIterator<string> {
    const program = `
      import { randomBytes } from 'node:crypto';
      import { Readable } from 'node:stream';
      const { openObjectStore } = await import(${JSON.stringify(BUILT)});
      const store = await openObjectStore(${JSON.stringify(pathToFileURL(folder).href)});
      ${work}`;
    child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    return createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  async function kill(): Promise<void> {
    const exited = once(child!, 'exit');
    child!.kill('SIGKILL');
    await exited;
  }

  it('in the middle of a put, shows the old object and nothing half', async () => {
    const lines = started(`
      await store.put('a', Buffer.from('old'));
      async function* endless() {
        for (let i = 0; ; i++) {
          yield randomBytes(65536);
          if (i === 20) console.log('midway');
          if (i > 20) await new Promise((never) => setTimeout(never, 1e9));
        }
      }
      await store.put('a', Readable.from(endless()));`);
    expect((await lines.next()).value).toBe('midway');
    await kill();

    expect(await readdir(join(folder, 'temporary'))).toHaveLength(1);
    const store = await open();
    expect(await readdir(join(folder, 'temporary'))).toEqual([]);
    expect(await keysIn(store)).toEqual(['a']);
    expect((await buffer((await store.get('a')).body)).toString()).toBe('old');
  });

  it('at any moment, has every object whose put had returned, whole', async () => {
    const store = await open();
    const returned = new Set<string>();
    for (const round of [1, 2, 3]) {
      const lines = started(`
        for (let i = 0; ; i++) {
          const stored = await store.put('${round}/' + (i % 50), Readable.from([randomBytes(1e5), randomBytes(i * 100)]));
          console.log(stored.key);
        }`);
      for (let i = 0; i < 20 * round; i++) returned.add(((await lines.next()) as { value: string }).value);
      await kill();
    }
    const found = await keysIn(store);
    expect(found).toEqual(expect.arrayContaining([...returned]));
    for (const key of found) await buffer((await store.get(key)).body);
  });
});
