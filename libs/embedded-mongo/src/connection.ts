import type { Socket } from 'node:net';
import { answer } from './answer.js';
import type { Engine } from './engine.js';
import { MessageReader, replyOf, requestOf } from './wire.js';

/** Requests waiting on one connection before it is read no further. */
const MAX_WAITING = 8;

/**
 * Serves one client: its requests one after another, in order. What breaks the protocol closes this connection and
 * nothing else.
 */
export function serve(engine: Engine, socket: Socket, report: (error: unknown) => void): void {
  const reader = new MessageReader();
  const waiting: Buffer[] = [];
  let busy = false;

  const work = async (): Promise<void> => {
    busy = true;
    for (let message = waiting.shift(); message && !socket.destroyed; message = waiting.shift()) {
      const request = requestOf(message);
      const reply = await answer(engine, request, report);
      if (!request.moreToCome && !socket.destroyed && !socket.write(replyOf(request, reply))) await drained(socket);
      if (waiting.length < MAX_WAITING) socket.resume();
    }
    busy = false;
  };

  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    try {
      waiting.push(...reader.push(chunk));
    } catch {
      socket.destroy();
      return;
    }
    if (waiting.length >= MAX_WAITING) socket.pause();
    if (!busy) work().catch(() => socket.destroy());
  });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
