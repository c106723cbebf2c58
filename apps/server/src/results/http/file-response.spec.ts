import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Response } from 'express';
import { sentBody, setFileHeaders, type Sent } from './file-response.js';

const CHUNK = Buffer.alloc(64 * 1024, 7);
const ONE_MINUTE = 60_000;

async function* chunks(count: number, end?: () => void): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield CHUNK;
  end?.();
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

/** Serves one body once and tells how its sending ended. */
async function served(source: Readable | AsyncIterable<Uint8Array>, bytes: number, timeoutMs = ONE_MINUTE) {
  const body = source instanceof Readable ? source : Readable.from(source);
  const told: string[] = [];
  const sent = deferred<Sent>();
  const server: Server = createServer((_request, response: ServerResponse) => {
    const express = response as Response;
    const sha256 = createHash('sha256')
      .update(Buffer.alloc(Math.min(bytes, 1e6), 7))
      .digest('hex');
    setFileHeaders(express, { bytes, sha256, file_name: 'net_kl520.kref.zip', media_type: 'application/zip' });
    void sentBody(express, body, timeoutMs, (outcome) => told.push(outcome)).then(sent.resolve);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }).end();
  client.on('error', () => undefined);
  return { told, sent: sent.promise, response: client, close: () => server.close() };
}

/** What the caller of a request that is reset has seen; a reset may overtake bytes, and the headers too. */
async function seenUntilClosed(client: ReturnType<typeof request>): Promise<{ bytes: number; ended: boolean }> {
  const seen = { bytes: 0, ended: false };
  client.on('response', (answer: IncomingMessage) => {
    answer.on('error', () => undefined).on('data', (chunk: Buffer) => (seen.bytes += chunk.length));
    answer.on('end', () => (seen.ended = true));
  });
  await new Promise((closed) => client.once('close', closed));
  return seen;
}

async function answerOf(client: ReturnType<typeof request>): Promise<IncomingMessage> {
  const [message] = (await once(client, 'response')) as [IncomingMessage];
  return message;
}

describe('sentBody', () => {
  it('sends the whole body with its length, validators and digest', async () => {
    const { response, sent, close, told } = await served(chunks(5), 5 * CHUNK.length);
    const answer = await answerOf(response);
    const received = await buffer(answer);
    const digest = createHash('sha256').update(received).digest();
    expect(answer.headers).toMatchObject({
      'content-length': String(5 * CHUNK.length),
      etag: `"${digest.toString('hex')}"`,
      'repr-digest': `sha-256=:${digest.toString('base64')}:`,
      'accept-ranges': 'none',
    });
    await expect(sent).resolves.toMatchObject({ outcome: 'success', bytes: received.length });
    expect(told).toEqual([]);
    close();
  });

  describe('when the source fails after its last byte', () => {
    it('resets the connection before the last chunk has left', async () => {
      const corrupt = () => {
        throw new Error('digest');
      };
      const { response, sent, close, told } = await served(chunks(3, corrupt), 3 * CHUNK.length);
      const { bytes, ended } = await seenUntilClosed(response);
      expect(ended).toBe(false);
      expect(bytes).toBeLessThan(3 * CHUNK.length);
      await expect(sent).resolves.toMatchObject({ outcome: 'stream_error', bytes: 2 * CHUNK.length });
      expect(told).toEqual(['stream_error']);
      close();
    });
  });

  describe('when the caller leaves', () => {
    it('ends as client_closed and stops reading the source', async () => {
      const stopped = deferred<void>();
      const endless = (async function* () {
        try {
          for (;;) yield CHUNK;
        } finally {
          stopped.resolve();
        }
      })();
      const { response, sent, close } = await served(endless, 1e12);
      const answer = await answerOf(response);
      answer.once('data', () => answer.destroy());
      await expect(sent).resolves.toMatchObject({ outcome: 'client_closed' });
      await stopped.promise;
      close();
    });
  });

  describe('when it takes too long', () => {
    it('resets the connection and ends as timeout', async () => {
      const stuck = new Readable({ read: () => undefined });
      stuck.push(CHUNK);
      stuck.push(CHUNK);
      const { response, sent, close, told } = await served(stuck, 1e9, 50);
      await expect(seenUntilClosed(response)).resolves.toMatchObject({ ended: false });
      await expect(sent).resolves.toMatchObject({ outcome: 'timeout' });
      expect(told).toEqual(['timeout']);
      close();
    });
  });
});
