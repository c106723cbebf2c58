import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EmbeddedError } from './embedded.errors.js';
import type { EngineStart } from './engine.worker.js';
import { takeLock } from './lock-file.js';

/** sun_path holds 108 bytes with its NUL on Linux, 104 on macOS; Node cuts longer paths silently. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

export interface EmbeddedMongo {
  /** What a driver connects to; also in `<data>/mongo.uri`. */
  uri: string;
  /** Resolves when what was acknowledged is on the disk and nothing of the engine is left but its data. */
  stop(): Promise<void>;
}

/**
 * Starts the engine on a data folder, which it creates. If the engine's thread ever dies, the process exits with 70:
 * nobody should go on writing to a store that is gone.
 *
 * Rejects with EMBEDDED.LOCKED while another process has the folder, EMBEDDED.PLATFORM on Windows,
 * EMBEDDED.SOCKET_PATH when no socket of a legal length can be made, EMBEDDED.START_FAILED otherwise.
 */
export async function startEmbeddedMongo({ dataDir }: { dataDir: string }): Promise<EmbeddedMongo> {
  return startEngine({ dataDir, sync: true });
}

/** `sync: false` is for the test that shows that the durability test can fail; nothing of the product reaches it. */
export async function startEngine({ dataDir, sync }: { dataDir: string; sync: boolean }): Promise<EmbeddedMongo> {
  if (process.platform === 'win32') {
    throw new EmbeddedError(
      'EMBEDDED.PLATFORM',
      'the embedded engine runs on Linux and macOS; set MONGODB_URI on Windows',
    );
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const socketFolder = mkdtempSync(join(runtimeFolder(), 'assay-'));
  chmodSync(socketFolder, 0o700);
  const removeFolder = (): void => rmSync(socketFolder, { recursive: true, force: true });
  try {
    const socket = join(socketFolder, 'm.sock');
    assertSocketPath(socket);
    const lock = takeLock(resolve(dataDir), socketFolder);
    try {
      const worker = await startedWorker({ file: join(resolve(dataDir), 'mongo.mdb'), socket, sync });
      const uri = `mongodb://${encodeURIComponent(socket)}/assay?directConnection=true&retryWrites=false`;
      const uriFile = join(dataDir, 'mongo.uri');
      writeUri(uriFile, uri);
      return {
        uri,
        stop: once(async () => {
          await stopped(worker);
          rmSync(uriFile, { force: true });
          removeFolder();
          lock.release();
        }),
      };
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    removeFolder();
    throw error;
  }
}

/** Refuses a socket path that the system would cut. */
export function assertSocketPath(socket: string): void {
  const bytes = Buffer.byteLength(socket);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw new EmbeddedError(
    'EMBEDDED.SOCKET_PATH',
    `expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, found ${bytes}: ${socket}; set XDG_RUNTIME_DIR or TMPDIR to a shorter folder`,
  );
}

function runtimeFolder(): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return runtime && existsSync(runtime) ? runtime : tmpdir();
}

const stopping = new WeakSet<Worker>();

function startedWorker(workerData: EngineStart): Promise<Worker> {
  const worker = new Worker(workerFile(), { workerData, execArgv: [] });
  return new Promise((fulfil, reject) => {
    let ready = false;
    worker.once('message', () => {
      ready = true;
      fulfil(worker);
    });
    worker.once('error', (cause) => {
      if (!ready) reject(new EmbeddedError('EMBEDDED.START_FAILED', 'the embedded engine did not start', { cause }));
      else
        process.stderr.write(
          `embedded-mongo: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`,
        );
    });
    worker.once('exit', (code) => {
      if (!ready || stopping.has(worker)) return;
      process.stderr.write(`embedded-mongo: the engine's thread ended with ${code}; the process exits\n`);
      process.exit(70);
    });
  });
}

/** A thread runs from the build, also where this file is compiled on the fly by the tests. */
function workerFile(): URL {
  const beside = new URL('./engine.worker.js', import.meta.url);
  return existsSync(beside)
    ? beside
    : new URL('../../../dist/libs/embedded-mongo/src/engine.worker.js', import.meta.url);
}

async function stopped(worker: Worker): Promise<void> {
  stopping.add(worker);
  const exit = new Promise((fulfil) => worker.once('exit', fulfil));
  worker.postMessage('stop');
  await exit;
}

/** Whole or not at all: a reader never sees half a URI. */
function writeUri(path: string, uri: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${uri}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function once(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= act());
}
