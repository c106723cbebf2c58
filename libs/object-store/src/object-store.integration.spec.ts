import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

import { openObjectStore } from './index.js';
import type { ObjectStore } from './index.js';
import { describeObjectStore } from './object-store.contract.js';
import { describeVersions } from './s3-versions.contract.js';

const folder = mkdtempSync(join(tmpdir(), 'object-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeObjectStore('the file system', () => openObjectStore(pathToFileURL(folder).href));

describe('S3 that cannot be reached', () => {
  const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' };

  it.each([
    ['OBJECT_STORE.TIMEOUT', 'never answers', () => undefined],
    ['OBJECT_STORE.UNAVAILABLE', 'hangs up', (socket: Socket) => void socket.destroy()],
    [
      'OBJECT_STORE.DENIED',
      'refuses',
      (socket: Socket) => void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'),
    ],
  ])('rejects with %s when the server %s, naming neither endpoint nor bucket', async (code, _how, serve) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      serve(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const url = `s3://some-bucket/some-prefix?endpoint=http://127.0.0.1:${port}`;
      const error: unknown = await openObjectStore(url, { credentials, timeoutMs: 200 }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code });
      expect((error as Error).message).not.toMatch(/127\.0\.0\.1|some-bucket|some-prefix/);
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
});

// The compatibility stage names a bucket with Object Lock; its credentials are in AWS_ACCESS_KEY_ID and so on.
const s3 = process.env['ASSAY_TEST_S3_URL'];
if (s3 !== undefined) {
  const url = new URL(s3);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${randomUUID()}`;
  describeObjectStore('S3', () => openObjectStore(url.href));
  describeVersions(url);
  describe('S3 on a bad line', () => onABadLine(url));
}

function onABadLine(url: URL): void {
  let line: BadLine;
  let store: ObjectStore;
  beforeAll(async () => {
    line = await BadLine.to(new URL(url.searchParams.get('endpoint')!));
    const through = new URL(url);
    through.searchParams.set('endpoint', line.url);
    store = await openObjectStore(through.href);
  });
  afterAll(() => {
    store.close();
    line.close();
  });

  it('names what is there when the answer to a conditional put was lost and it was sent again', async () => {
    line.loseNextAnswer('PUT');
    await expect(store.put('lost/conditional', Buffer.from('hello'), { ifAbsent: true })).rejects.toMatchObject({
      code: 'OBJECT_STORE.EXISTS',
      existing: { sha256: createHash('sha256').update('hello').digest('hex'), bytes: 5 },
    });
  });

  it('puts and deletes although an answer was lost', async () => {
    line.loseNextAnswer('PUT');
    await store.put('lost/a', Buffer.from('hello'));
    expect((await buffer((await store.get('lost/a')).body)).toString()).toBe('hello');
    line.loseNextAnswer('DELETE');
    await store.delete('lost/a');
    await expect(store.head('lost/a')).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
  });

  it('fails the body with UNAVAILABLE when the line breaks in the middle', async () => {
    await store.put('lost/large', Readable.from([randomBytes(12_000_000)]));
    const { body } = await store.get('lost/large');
    const reading = (async () => {
      for await (const chunk of body) if (chunk) line.cut();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'OBJECT_STORE.UNAVAILABLE' });
  });

  it('leaves no parts behind when the body of a large put fails', async () => {
    async function* failing() {
      yield randomBytes(20_000_000);
      throw new Error('client went away');
    }
    await expect(store.put('lost/parts', Readable.from(failing()))).rejects.toMatchObject({
      code: 'OBJECT_STORE.SOURCE_FAILED',
    });
    const endpoint = url.searchParams.get('endpoint')!;
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    const Prefix = url.pathname.slice(1);
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: url.hostname, Prefix }));
    client.destroy();
    expect(Uploads ?? []).toEqual([]);
  });
}

/** A line to a server that loses answers and breaks when told to. The request always arrives whole. */
class BadLine {
  #losing: string | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to({ hostname, port }: URL): Promise<BadLine> {
    const server = createServer((near) => {
      const far = connect(Number(port), hostname);
      let method = '';
      near.on('data', (data: Buffer) => {
        method = /^(HEAD|GET|PUT|POST|DELETE) /.exec(data.toString('latin1'))?.[1] ?? method;
        far.write(data);
      });
      far.on('data', (data) => {
        if (line.#losing === undefined || !method.startsWith(line.#losing)) return void near.write(data);
        line.#losing = undefined;
        near.destroy();
      });
      for (const socket of [near, far]) {
        line.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => [near, far].forEach((end) => end.destroy()));
      }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const line = new BadLine(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return line;
  }

  /** To the next request with this method. */
  loseNextAnswer(method: string): void {
    this.#losing = method;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
