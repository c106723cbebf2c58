import { startServer } from './server.js';

const started = Date.now();
const server = await startServer(process.env).catch((error: unknown) => {
  const { code, message } = error as { code?: unknown; message: string };
  process.stderr.write(`assay did not start: ${message}${typeof code === 'string' ? ` (${code})` : ''}\n`);
  process.exit(1);
});
server.log.info('server.started', { url: server.url, duration_ms: Date.now() - started });

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    void server.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
