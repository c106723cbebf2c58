import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { Response } from 'express';
import { goneCaller } from './gone-caller.js';

describe('goneCaller', () => {
  it('is aborted when whoever asked hangs up before the answer', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const request = get({ port, host: '127.0.0.1' }).on('error', () => undefined);
    const [, response] = (await once(server, 'request')) as [unknown, Response];
    const signal = goneCaller(response);
    expect(signal.aborted).toBe(false);
    request.destroy();
    await once(signal, 'abort');
    server.close();
  });
});
