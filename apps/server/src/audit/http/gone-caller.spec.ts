import { EventEmitter, once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { Caller } from '../../http/access.js';
import { ArchivesController } from './archives.controller.js';
import { AuditController } from './audit.controller.js';
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
