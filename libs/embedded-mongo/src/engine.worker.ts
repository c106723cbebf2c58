import { createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from './connection.js';
import { closeEngine, openEngine } from './engine.js';

/** What the thread is started with. */
export interface EngineStart {
  file: string;
  socket: string;
  sync: boolean;
}

const EXPIRE_EVERY_MS = 60_000;

const { file, socket, sync } = workerData as EngineStart;
const engine = openEngine(file, { sync });
const sockets = new Set<Socket>();
const server = createServer((client) => {
  sockets.add(client);
  client.on('close', () => sockets.delete(client));
  serve(engine, client, (error) => console.error('embedded-mongo:', error));
});
const expiring = setInterval(() => engine.cursors.expire(), EXPIRE_EVERY_MS);

server.listen(socket, () => parentPort!.postMessage('ready'));
parentPort!.once('message', () => {
  clearInterval(expiring);
  for (const client of sockets) client.destroy();
  server.close(() => {
    void closeEngine(engine).then(() => parentPort!.close());
  });
});
