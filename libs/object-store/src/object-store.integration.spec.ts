import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { openObjectStore } from './index.js';
import { describeObjectStore } from './object-store.contract.js';

const folder = mkdtempSync(join(tmpdir(), 'object-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeObjectStore('the file system', () => openObjectStore(pathToFileURL(folder).href));

// The compatibility stage names a bucket with Object Lock; its credentials are in AWS_ACCESS_KEY_ID and so on.
const s3 = process.env['ASSAY_TEST_S3_URL'];
if (s3 !== undefined) {
  describeObjectStore('S3', () => {
    const url = new URL(s3);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${randomUUID()}`;
    return openObjectStore(url.href);
  });
}

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
