import { EventEmitter, once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { Caller } from '../../http/access.js';
import { ArchivesController } from './archives.controller.js';
import { AuditController } from './audit.controller.js';
import { goneCaller } from './gone-caller.js';

describe('goneCaller', () => {
  let server: Server;
  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => server.close());

  const asked = async () => {
    const { port } = server.address() as AddressInfo;
    const request = get({ port, host: '127.0.0.1' }).on('error', () => undefined);
    const [, response] = (await once(server, 'request')) as [unknown, Response];
    return { request, response };
  };

  it('is aborted when whoever asked hangs up before the answer', async () => {
    const { request, response } = await asked();
    const signal = goneCaller(response);
    expect(signal.aborted).toBe(false);
    request.destroy();
    await once(signal, 'abort');
  });

  it('is aborted when whoever asked has hung up already', async () => {
    const { request, response } = await asked();
    request.destroy();
    await once(response, 'close');
    expect(goneCaller(response).aborted).toBe(true);
  });

  it.each(['GET /audit/verify', 'POST /audit/archives/:id/verify'])('ends %s', async (route) => {
    const response = new EventEmitter() as unknown as Response;
    const bus = {
      execute: async ({ caller }: { caller: AbortSignal }): Promise<never> => {
        response.emit('close');
        caller.throwIfAborted();
        throw new Error('went on');
      },
    } as unknown as CommandBus & QueryBus;
    const caller = { tenant: 'acme', actor: { type: 'service', id: 'a' }, key_id: 'k' } as Caller;
    const answer = route.startsWith('GET')
      ? new AuditController(bus, bus).verify({}, caller, {} as Request, response)
      : new ArchivesController(bus, bus).verify('b', {}, caller, response);
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  });
});
