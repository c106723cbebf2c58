import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';
import type { TlogSource } from '#libs/ledger';
import { folderLog } from './folder-log.js';
import { httpLog } from './http-log.js';
import { httpServer } from './http-server.fixture.js';
import { eventBytes, logFiles, logFolder } from './log.fixture.js';
import { mirrorLog } from './mirror.js';

const FILES = logFiles(300);
const thrown = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => codeOf(error),
  );
const sourceOf = (files: ReadonlyMap<string, Uint8Array>, asked: string[] = []): TlogSource => ({
  read: (path) => (asked.push(path), Promise.resolve(files.get(path))),
});

describe('httpLog', () => {
  it('reads files with the credential, and tells one that is not there from one that cannot be had', async () => {
    const seen: (string | undefined)[] = [];
    let busy = 2;
    const server = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      const bytes = FILES.get(request.url?.replace('/tlog/acme/', '') ?? '');
      if (request.url?.endsWith('/busy') === true && busy-- > 0) response.writeHead(503, { 'retry-after': '0' }).end();
      else if (request.url?.endsWith('/closed') === true) response.writeHead(403).end();
      else if (request.url?.endsWith('/moved') === true)
        response.writeHead(302, { location: '/tlog/acme/checkpoint' }).end();
      else if (bytes === undefined && request.url?.endsWith('/busy') !== true) response.writeHead(404).end();
      else response.end(bytes);
    });
    try {
      const log = httpLog({ url: new URL(`${server.url}/tlog/acme/`), token: 'secret' });
      expect(await log.read('tile/0/000')).toEqual(FILES.get('tile/0/000'));
      expect(await log.read('tile/0/009')).toBeUndefined();
      expect(new Set(seen)).toEqual(new Set(['Bearer secret']));
      expect(await log.read('busy')).toEqual(new Uint8Array(0));
      expect(busy).toBe(-1);
      expect(await thrown(log.read('closed'))).toBe('CLI.REFUSED');
      expect(await thrown(log.read('moved'))).toBe('CLI.UNREACHABLE');
    } finally {
      await server.close();
    }
    expect(await thrown(httpLog({ url: new URL(server.url), token: undefined }).read('checkpoint'))).toBe(
      'CLI.UNREACHABLE',
    );
  });

  it('tells a slow log from one that is not there', async () => {
    const server = await httpServer(() => undefined);
    const soon = jest.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.timeout(20));
    try {
      expect(await thrown(httpLog({ url: new URL(server.url), token: undefined }).read('checkpoint'))).toBe(
        'CLI.UNAVAILABLE',
      );
    } finally {
      soon.mockRestore();
      await server.close();
    }
  });

  it('does not take in more than a file of a log can have', async () => {
    const server = await httpServer((_, response) => response.end(Buffer.alloc(256 * 65_537 + 1)));
    try {
      expect(await thrown(httpLog({ url: new URL(server.url), token: undefined }).read('checkpoint'))).toBe(
        'CLI.ANSWER_MALFORMED',
      );
    } finally {
      await server.close();
    }
  });
});

describe('mirrorLog', () => {
  const progress = (): void => undefined;

  it('copies every file the checkpoint needs, the checkpoint last', async () => {
    const folder = await logFolder(new Map());
    const asked: string[] = [];
    try {
      expect(await mirrorLog({ source: sourceOf(FILES, asked), folder: folder.path, progress })).toMatchObject({
        size: 300,
      });
      for (const [name, bytes] of FILES) expect(await folderLog(folder.path).read(name)).toEqual(bytes);
      expect(await folderLog(folder.path).read('tile/0/002')).toBeUndefined();
      const incomplete = new Map(FILES);
      incomplete.delete('tile/0/001.p/44');
      const other = await logFolder(new Map());
      expect(await thrown(mirrorLog({ source: sourceOf(incomplete), folder: other.path, progress }))).toBe(
        'CLI.ANSWER_MALFORMED',
      );
      expect(await folderLog(other.path).read('checkpoint')).toBeUndefined();
      await other.remove();
    } finally {
      await folder.remove();
    }
  });

  it('goes on from an older copy without asking for its full tiles again', async () => {
    const folder = await logFolder(logFiles(260));
    const asked: string[] = [];
    try {
      await mirrorLog({ source: sourceOf(FILES, asked), folder: folder.path, progress });
      expect(asked).not.toContain('tile/0/000');
      expect(asked).toContain('tile/0/001.p/44');
      expect(await readFile(join(folder.path, 'checkpoint'))).toEqual(
        Buffer.from(FILES.get('checkpoint') as Uint8Array),
      );
    } finally {
      await folder.remove();
    }
  });

  it('says where it cannot write', async () => {
    const folder = await logFolder(new Map([['tile', eventBytes(0)]]));
    try {
      await writeFile(join(folder.path, 'file'), '');
      expect(await thrown(mirrorLog({ source: sourceOf(FILES), folder: join(folder.path, 'file'), progress }))).toBe(
        'CLI.TARGET_UNWRITABLE',
      );
    } finally {
      await folder.remove();
    }
  });
});
