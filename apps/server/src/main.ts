import { startServer } from './server.js';

// What this process writes is its user's alone, whatever mask it was started with.
process.umask(0o077);

/** Whoever sent the signal will not wait for ever either; what is cut then is what `kill -9` would have cut. */
const LEAVE_MS = 25_000;

const began = Date.now();
const starting = startServer(process.env);

let leaving = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    // A terminal and npm both pass Ctrl-C on: the second is no other wish than the first.
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(1), LEAVE_MS).unref();
    void starting
      .then((server) => server.stop())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  });
}

const server = await starting.catch((error: unknown) => {
  const { code, message } = error as { code?: unknown; message: string };
  process.stderr.write(`assay did not start: ${message}${typeof code === 'string' ? ` (${code})` : ''}\n`);
  process.exit(1);
});
process.stderr.write(`assay: listening on ${server.url}/api/v1\n`);
server.log.info('server.started', { url: server.url, duration_ms: Date.now() - began });
