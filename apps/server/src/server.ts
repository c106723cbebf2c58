import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { takeLock } from '#libs/embedded-mongo';
import { applyIndexSteps, MongoStore, Outboxes } from '#libs/mongo';
import { openObjectStore } from '#libs/object-store';
import type { Log } from '#libs/telemetry';
import { drained } from './draining.js';
import { serverLog } from './http/server-log.js';
import { setup } from './http/setup.js';
import { indexSteps } from './index-steps.js';
import { ServerModule } from './server.module.js';
import { Settings } from './settings.js';
import { forSetting } from './start.errors.js';

export interface Server {
  url: string;
  log: Log;
  /** Drains: no new requests, the ones in flight end, workers give back what they hold, the store is closed last. */
  stop(): Promise<void>;
}

/** A 500 MB upload over a slow line; milliseconds. The sweep of abandoned uploads counts on less than an hour. */
const REQUEST_MS = 30 * 60_000;

/** Rejects, having undone what it started, when a setting is wrong or something it stands on cannot be had. */
export async function startServer(env: NodeJS.ProcessEnv): Promise<Server> {
  const settings = new Settings(env);
  const log = serverLog(settings);
  for (const { name, shown } of settings.rows) log.info('config.setting', { resource: name, status: shown });
  const { store, close } = await openStore(settings);
  try {
    await applyIndexSteps(store, indexSteps);
    const objects = await forSetting('OBJECT_STORE_URL', 'give a store that can be reached', () =>
      openObjectStore(settings.objectStoreUrl),
    );
    const app = await NestFactory.create<NestExpressApplication>(ServerModule.with({ settings, store, objects, log }), {
      logger: log.forNest(),
      bodyParser: false,
      abortOnError: false,
    });
    setup(app);
    return await serving(app, settings, log, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** One process has a data folder, wherever the database is: its keys, marks and scratch files are for one. */
async function openStore({
  dataDir,
  mongodbUri,
}: Settings): Promise<{ store: MongoStore; close: () => Promise<void> }> {
  await forSetting('ASSAY_DATA_DIR', 'give a folder this user can write', async () => {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  });
  const otherFolder = 'stop that process, or give a folder of its own';
  if (mongodbUri === undefined) {
    const store = await forSetting('ASSAY_DATA_DIR', otherFolder, () => MongoStore.open({ dataDir }));
    return { store, close: () => store.close() };
  }
  const lock = await forSetting('ASSAY_DATA_DIR', otherFolder, () => takeLock(dataDir));
  try {
    const advice = 'give one that runs, or none for the embedded engine';
    const store = await forSetting('MONGODB_URI', advice, () => MongoStore.open({ uri: mongodbUri, dataDir }));
    return { store, close: () => store.close().finally(() => lock.release()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function serving(
  app: NestExpressApplication,
  settings: Settings,
  log: Log,
  closeStore: () => Promise<void>,
): Promise<Server> {
  try {
    app.getHttpServer().requestTimeout = REQUEST_MS;
    await app.init();
    await forSetting('PORT', 'give a free one, or 0 for any', () => app.listen(settings.port));
    const outboxes = app.get(Outboxes);
    outboxes.start();
    const { url, withdraw } = await announced(app, settings);
    const stop = async (): Promise<void> => {
      await withdraw();
      const requests = drained(app.getHttpServer());
      // The relay appends; the ledger's last checkpoint is signed when the application closes.
      await outboxes.stop();
      await app.close();
      await requests;
      await closeStore();
    };
    return { url, log, stop };
  } catch (error) {
    await app.close().catch(() => undefined); // half of it never began
    throw error;
  }
}

/** `server.json` in the data folder tells scripts where this process listens; written last, removed first. */
async function announced(
  app: NestExpressApplication,
  { dataDir }: Settings,
): Promise<{ url: string; withdraw: () => Promise<void> }> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const file = join(dataDir, 'server.json');
  await writeFile(`${file}.new`, `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return { url, withdraw: () => rm(file, { force: true }) };
}
