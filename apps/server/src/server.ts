import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { applyIndexSteps, MongoStore, Outboxes } from '#libs/mongo';
import { openObjectStore } from '#libs/object-store';
import type { Log } from '#libs/telemetry';
import { serverLog } from './http/server-log.js';
import { setup } from './http/setup.js';
import { indexSteps } from './index-steps.js';
import { ServerModule } from './server.module.js';
import { Settings } from './settings.js';

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
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  const store = await MongoStore.open({ uri: settings.mongodbUri, dataDir: settings.dataDir });
  try {
    await applyIndexSteps(store, indexSteps);
    const objects = await openObjectStore(settings.objectStoreUrl);
    const app = await NestFactory.create<NestExpressApplication>(ServerModule.with({ settings, store, objects, log }), {
      logger: log.forNest(),
      bodyParser: false,
      abortOnError: false,
    });
    setup(app);
    await listening(app, settings);
    return await announced(app, settings, store, log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function listening(app: NestExpressApplication, settings: Settings): Promise<void> {
  app.getHttpServer().requestTimeout = REQUEST_MS;
  await app.listen(settings.port);
  app.get(Outboxes).start();
}

/** `server.json` in the data folder tells scripts where this process listens; written last, removed first. */
async function announced(
  app: NestExpressApplication,
  settings: Settings,
  store: MongoStore,
  log: Log,
): Promise<Server> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const file = join(settings.dataDir, 'server.json');
  await writeFile(`${file}.new`, `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return {
    url,
    log,
    stop: async () => {
      await rm(file, { force: true });
      // The relay appends; the ledger's last checkpoint is signed when the application closes.
      await app.get(Outboxes).stop();
      await app.close();
      await store.close();
    },
  };
}
