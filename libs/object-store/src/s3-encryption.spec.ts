import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { openObjectStore } from './index.js';

const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' };

/** Answers everything with success, and keeps what was asked: no gateway at hand encrypts. */
async function listening(asked: IncomingMessage[]): Promise<Server> {
  const server = createServer((request, response) => {
    asked.push(request);
    request.resume().once('end', () => {
      const noLock = request.url?.includes('object-lock');
      response.writeHead(noLock ? 404 : 200, { 'content-type': 'application/xml' });
      response.end(noLock ? '<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>' : '');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('a put that is to be encrypted by the bucket', () => {
  it.each(['AES256', 'aws:kms'] as const)('asks for %s', async (encryption) => {
    const asked: IncomingMessage[] = [];
    const server = await listening(asked);
    try {
      const { port } = server.address() as AddressInfo;
      const store = await openObjectStore(`s3://bucket?endpoint=http://127.0.0.1:${port}`, { credentials });
      await store.put('a', Buffer.from('x'));
      await store.put('b', Buffer.from('x'), { encryption });
      store.close();
    } finally {
      server.close();
      server.closeAllConnections();
    }
    const puts = asked.filter(({ method }) => method === 'PUT');
    const header = puts.map(({ headers }) => headers['x-amz-server-side-encryption']);
    expect(header).toEqual([undefined, encryption]);
  });
});
