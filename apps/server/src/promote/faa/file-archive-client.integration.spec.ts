import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';

import type { TokenFacts } from './access-tokens.js';
import { FileArchiveClient } from './file-archive-client.js';
import type { FileToArchive, FileArchiveSettings } from './file-archive-client.js';

/** Of infrastructure/dev/archive-stand-in.mjs, what is used here. */
interface StandIn {
  url: string;
  tokenUrl: string;
  received: { name: string; bytes: number; sha256: string; repeated: boolean }[];
  requests: { puts: number; tokens: number };
  failNextPuts(count: number, status?: number): void;
  failNextTokens(count: number, status?: number): void;
  delayPuts(ms: number): void;
  revokeTokens(): void;
  close(): Promise<void>;
}

const SECRET = 'correct horse: battery/staple';
const SCOPE = 'files:upload.write';

let folder: string;
let archive: StandIn;
let facts: { obtained: unknown[]; failed: unknown[] };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-client-'));
  const path = resolve(import.meta.dirname, '../../../../../infrastructure/dev/archive-stand-in.mjs');
  const { startArchiveStandIn } = (await import(path)) as {
    startArchiveStandIn: (options: object) => Promise<StandIn>;
  };
  archive = await startArchiveStandIn({ folder, clientId: 'assay', clientSecret: SECRET });
  facts = { obtained: [], failed: [] };
});
afterEach(async () => {
  jest.restoreAllMocks();
  await archive.close();
  await rm(folder, { recursive: true, force: true });
});

function client(changes: Partial<FileArchiveSettings> = {}): FileArchiveClient {
  const { url, tokenUrl } = archive;
  const told: TokenFacts = {
    tokenObtained: (fact) => void facts.obtained.push(fact),
    tokenEndpointError: (fact) => void facts.failed.push(fact),
  };
  const common = { clientId: 'assay', clientSecret: SECRET, scope: SCOPE, timeoutMs: 10_000 };
  return new FileArchiveClient({ url, tokenUrl, ...common, ...changes }, told);
}

function file(content: Buffer, changes: Partial<FileToArchive> = {}): FileToArchive {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const open = async () => Readable.from([content]);
  return { name: 'job-1/out.kref.zip', bytes: content.length, sha256, open, ...changes };
}

const later = (ms: number) => {
  const then = Date.now() + ms;
  jest.spyOn(Date, 'now').mockImplementation(() => then);
};

describe('FileArchiveClient', () => {
  it('puts a file, streamed and with its digest', async () => {
    const content = randomBytes(3_000_000);
    const chunks = [content.subarray(0, 1_000_000), content.subarray(1_000_000)];
    const put = client().put(file(content, { open: async () => Readable.from(chunks) }));
    await expect(put).resolves.toEqual({ created: true });
    expect((await readFile(join(folder, 'job-1/out.kref.zip'))).equals(content)).toBe(true);
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(archive.received).toEqual([{ name: 'job-1/out.kref.zip', bytes: 3_000_000, sha256, repeated: false }]);
  });

  it('finds the same file there when it is put again', async () => {
    const archiveClient = client();
    await archiveClient.put(file(Buffer.from('x')));
    await expect(archiveClient.put(file(Buffer.from('x')))).resolves.toEqual({ created: false });
  });

  describe('when the archive refuses the file', () => {
    it('rejects with FAARejectedError for a digest that is not the content’s, without trying again', async () => {
      const wrong = file(Buffer.from('x'), { sha256: '0'.repeat(64) });
      await expect(client().put(wrong)).rejects.toMatchObject({
        name: 'FAARejectedError',
        code: 'PROMOTE.FAA_REJECTED',
        message: 'expected the archive to take the file, found status 400',
      });
      expect(archive.requests.puts).toBe(1);
      expect(archive.received).toEqual([]);
    });

    it('rejects with FAARejectedError when other content has the name', async () => {
      const archiveClient = client();
      await archiveClient.put(file(Buffer.from('x')));
      await expect(archiveClient.put(file(Buffer.from('y')))).rejects.toMatchObject({ name: 'FAARejectedError' });
    });

    it('rejects with FAARejectedError for a redirection, following none', async () => {
      archive.failNextPuts(1, 302);
      await expect(client().put(file(Buffer.from('x')))).rejects.toMatchObject({ name: 'FAARejectedError' });
    });
  });

  describe('tokens', () => {
    it('fetches one for 20 puts at once, and tells of it without the token', async () => {
      const archiveClient = client();
      const puts = Array.from({ length: 20 }, (_, i) => archiveClient.put(file(Buffer.from('x'), { name: `f${i}` })));
      await Promise.all(puts);
      expect(archive.requests.tokens).toBe(1);
      expect(archive.received).toHaveLength(20);
      // 43: 32 random bytes in base64url, as the stand-in makes them.
      const fact = { scope: SCOPE, token_type: 'Bearer', expires_in_sec: 300, access_token_length: 43 };
      expect(facts).toEqual({ obtained: [fact], failed: [] });
    });

    it('fetches another shortly before the first expires', async () => {
      const archiveClient = client();
      await archiveClient.put(file(Buffer.from('x')));
      later(265_000);
      await archiveClient.put(file(Buffer.from('x')));
      expect(archive.requests.tokens).toBe(1);
      later(10_000);
      await archiveClient.put(file(Buffer.from('x')));
      expect(archive.requests.tokens).toBe(2);
    });

    it('are refreshed once for all puts that met 401', async () => {
      const archiveClient = client();
      await archiveClient.put(file(Buffer.from('x'), { name: 'first' }));
      archive.revokeTokens();
      const puts = Array.from({ length: 5 }, (_, i) => archiveClient.put(file(Buffer.from('x'), { name: `f${i}` })));
      await Promise.all(puts);
      expect(archive.requests).toEqual({ puts: 1 + 5 + 5, tokens: 2 });
    });

    it('are refreshed when the refusal comes before the file is sent', async () => {
      archive.failNextPuts(1, 401);
      const content = randomBytes(20_000_000);
      const chunks = Array.from({ length: 200 }, (_, i) => content.subarray(i * 100_000, (i + 1) * 100_000));
      const large = file(content, { open: async () => Readable.from(chunks) });
      await expect(client().put(large)).resolves.toEqual({ created: true });
    });

    it('are refreshed only once: a second 401 is FAAUnauthorizedError', async () => {
      archive.failNextPuts(2, 401);
      await expect(client().put(file(Buffer.from('x')))).rejects.toMatchObject({ name: 'FAAUnauthorizedError' });
      expect(archive.requests).toEqual({ puts: 2, tokens: 2 });
    });

    it('end in FAAUnauthorizedError for a client that is not known, and the secret is told to nobody', async () => {
      const put = client({ clientSecret: 'wrong' }).put(file(Buffer.from('x')));
      const error = await put.catch((thrown: unknown) => thrown as Error);
      expect(error).toMatchObject({ name: 'FAAUnauthorizedError', code: 'PROMOTE.FAA_UNAUTHORIZED' });
      expect(facts.failed).toEqual([{ scope: SCOPE, status: 401, error_code: 'invalid_client' }]);
      expect(JSON.stringify([facts, error, (error as Error).message])).not.toContain('wrong');
      expect(archive.requests).toEqual({ puts: 0, tokens: 1 });
    });

    it('end in FAAUnauthorizedError for a scope the client may not have', async () => {
      const put = client({ scope: 'files:delete' }).put(file(Buffer.from('x')));
      await expect(put).rejects.toMatchObject({ name: 'FAAUnauthorizedError' });
      expect(facts.failed).toEqual([{ scope: 'files:delete', status: 400, error_code: 'invalid_scope' }]);
    });

    it.each([
      ['an error of its own words', 400, '{"error":"the words of somebody else"}', 'FAAUnauthorizedError'],
      ['no JSON', 200, '<html>the words of somebody else</html>', 'FAAUnavailableError'],
      ['a token that is no header', 200, '{"access_token":"a\\nb","token_type":"Bearer"}', 'FAAUnavailableError'],
      ['a token of another type', 200, '{"access_token":"abc","token_type":"mac"}', 'FAAUnavailableError'],
    ])(
      'end in a named error when the endpoint answers %s, none of which is repeated',
      async (_what, status, body, name) => {
        const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(
          0,
          '127.0.0.1',
        );
        await once(server, 'listening');
        const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const error = await client({ tokenUrl })
          .put(file(Buffer.from('x')))
          .catch((thrown: unknown) => thrown as Error);
        server.closeAllConnections();
        server.close();
        expect(error).toMatchObject({ name });
        expect((error as Error).message).not.toContain('words');
        expect(facts.failed[0]).toEqual({ scope: SCOPE, status, error_code: 'other' });
      },
    );

    it('are asked for again when the endpoint failed', async () => {
      archive.failNextTokens(1);
      await client().put(file(Buffer.from('x')));
      expect(facts.failed).toEqual([{ scope: SCOPE, status: 503, error_code: 'temporarily_unavailable' }]);
      expect(archive.received).toHaveLength(1);
    });
  });

  describe('when the archive fails', () => {
    it('tries again with a fresh stream until it succeeds', async () => {
      archive.failNextPuts(2);
      const open = jest.fn(async () => Readable.from([Buffer.from('x')]));
      await expect(client().put(file(Buffer.from('x'), { open }))).resolves.toEqual({ created: true });
      expect(open).toHaveBeenCalledTimes(3);
    });

    it('rejects with FAATimeoutError when it does not answer in time', async () => {
      archive.delayPuts(60_000);
      await expect(client({ timeoutMs: 100 }).put(file(Buffer.from('x')))).rejects.toMatchObject({
        name: 'FAATimeoutError',
      });
    });

    it('rejects with FAAUnavailableError when it cannot be reached', async () => {
      await archive.close();
      await expect(client().put(file(Buffer.from('x')))).rejects.toMatchObject({ name: 'FAAUnavailableError' });
      expect(facts.failed).toContainEqual({ scope: SCOPE, error_code: 'unreachable' });
    });

    it('is left alone after five failures in a row, and asked again after a while', async () => {
      archive.failNextPuts(100);
      const archiveClient = client();
      for (const name of ['a', 'b']) {
        await expect(archiveClient.put(file(Buffer.from('x'), { name }))).rejects.toMatchObject({
          name: 'FAAUnavailableError',
        });
      }
      expect(archive.requests.puts).toBe(5);
      await expect(archiveClient.put(file(Buffer.from('x')))).rejects.toMatchObject({ name: 'FAAUnavailableError' });
      expect(archive.requests.puts).toBe(5);

      archive.failNextPuts(0);
      later(16_000);
      await expect(archiveClient.put(file(Buffer.from('x')))).resolves.toEqual({ created: true });
    });
  });

  it('rejects with the error of the file’s own stream, without trying again', async () => {
    const fault = new Error('the stored object is damaged');
    async function* failing() {
      yield Buffer.from('x');
      throw fault;
    }
    const open = jest.fn(async () => Readable.from(failing()));
    await expect(client().put(file(Buffer.from('xyz'), { open }))).rejects.toBe(fault);
    expect(open).toHaveBeenCalledTimes(1);
    expect(archive.received).toEqual([]);
  });

  it('rejects with the reason of a caller who gives up, and destroys the stream', async () => {
    archive.delayPuts(60_000);
    const caller = new AbortController();
    const reason = new Error('shutting down');
    const source = Readable.from([Buffer.from('x')]);
    const open = async () => {
      setImmediate(() => caller.abort(reason));
      return source;
    };
    await expect(client().put(file(Buffer.from('x'), { open, signal: caller.signal }))).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
  });
});
