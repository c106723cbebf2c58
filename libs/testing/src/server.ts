import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** A server started as a user would, on a free port and in a folder of its own. */
export interface RunningServer {
  url: string;
  pid: number;
  dataDir: string;
  /** The operator's key. */
  apiKey: string;
  /** Where the database and the objects are, for tests that go behind the server's back. */
  mongoUri: string;
  objectStoreUrl: string;
  /** The log so far: standard output, one JSON object a line. */
  log(): string;
  /** Standard error so far. */
  errors(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Stops it if it runs, and removes its folder. */
  remove(): Promise<void>;
}

export interface ServerOptions {
  dataDir?: string;
  env?: Record<string, string>;
  /** For what only the embedded stores promise: MONGODB_URI and OBJECT_STORE_URL of the tests are not passed on. */
  embedded?: boolean;
}

/** Of the tree, whether this file runs from its source or from dist. */
const ROOT = resolve(import.meta.dirname.replace('/dist/libs/', '/libs/'), '../../..');
const MAIN = join(ROOT, 'dist/apps/server/src/main.js');
const OPERATOR_KEY = 'operator.key';
const START_MS = 60_000;

/**
 * Starts `dist/apps/server/src/main.js` and waits until it listens. With MONGODB_URI in the environment of the tests
 * each data folder has a database of its own there; OBJECT_STORE_URL is passed on with a prefix of its own.
 *
 * Rejects with the server's output when it ends before it listens.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'assay-test-')));
  const stores = options.embedded ? {} : externalStores(dataDir);
  const child = spawned(dataDir, stores, options.env);
  const output = collected(child);
  const { url } = await listening(child, dataDir, output);
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  const ended = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (gone()) return;
    child.kill(signal);
    await once(child, 'close');
  };
  return {
    url,
    pid: child.pid!,
    dataDir,
    apiKey: (await readFile(join(dataDir, OPERATOR_KEY), 'utf8')).trim(),
    mongoUri: stores['MONGODB_URI'] ?? (await readFile(join(dataDir, 'mongo.uri'), 'utf8')).trim(),
    objectStoreUrl: stores['OBJECT_STORE_URL'] ?? pathToFileURL(join(dataDir, 'objects')).href,
    log: () => output.stdout,
    errors: () => output.stderr,
    stop: async () => {
      await ended('SIGTERM');
      return child.exitCode;
    },
    kill: () => ended('SIGKILL'),
    remove: async () => {
      await ended('SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts it and resolves when it has ended by itself: for starts that must not succeed. */
export async function endedServer(
  options: ServerOptions & { dataDir: string },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawned(options.dataDir, externalStores(options.dataDir), options.env);
  const output = collected(child);
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS);
  await once(child, 'close');
  clearTimeout(late);
  return { code: child.exitCode, ...output };
}

function spawned(dataDir: string, stores: Record<string, string>, env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    env: { PATH: process.env['PATH'], ...stores, PORT: '0', ASSAY_DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function externalStores(dataDir: string): Record<string, string> {
  const own = dataDir
    .replace(/.*assay-test-/, '')
    .replace(/[^A-Za-z0-9]/g, '')
    .toLowerCase();
  const env: Record<string, string> = {};
  for (const name of Object.keys(process.env).filter((key) => key.startsWith('AWS_'))) env[name] = process.env[name]!;
  if (process.env['OBJECT_STORE_URL']) {
    const store = new URL(process.env['OBJECT_STORE_URL']);
    store.pathname = join(store.pathname, own);
    env['OBJECT_STORE_URL'] = store.toString();
  }
  if (!process.env['MONGODB_URI']) return env;
  const database = new URL(process.env['MONGODB_URI']);
  database.pathname = `/t_${own}`;
  return { ...env, MONGODB_URI: database.toString(), ASSAY_OPERATOR_KEY_FILE: join(dataDir, OPERATOR_KEY) };
}

function collected(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return output;
}

async function listening(
  child: ChildProcess,
  dataDir: string,
  output: { stdout: string; stderr: string },
): Promise<{ url: string }> {
  const deadline = Date.now() + START_MS;
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    const text = await readFile(join(dataDir, 'server.json'), 'utf8').catch(() => '');
    const found = text.endsWith('}\n') ? (JSON.parse(text) as { url: string; pid: number }) : undefined;
    if (found && found.pid === child.pid) return found;
    await sleep(25);
  }
  child.kill('SIGKILL');
  throw new Error(`the server did not start: ${output.stderr || output.stdout.slice(-2_000)}`);
}
