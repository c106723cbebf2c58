import type { Server } from 'node:http';

/** How long requests in flight may take to end when the process is asked to leave, in milliseconds. */
const GRACE_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** Accepts no connection from now on; resolves when the requests in flight have ended, or were cut after the grace. */
export async function drained(server: Server): Promise<void> {
  // A connection that is kept alive would go on bringing requests.
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  const idle = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS);
  const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(idle);
  clearTimeout(cut);
}
