import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MongoStore } from '#libs/mongo';
import { openObjectStore } from '#libs/object-store';
import { ChildLauncher } from '../child/child.launcher.js';
import { AMPLE } from '../child/conversion.fixture.js';
import { TaskStore } from '../storage/task.store.js';
import { ConversionWorkers } from './conversion-workers.js';
import { TaskBell } from './task-bell.js';
import { plainPorts, TIMES } from './task-queue.fixture.js';
import { TaskQueue } from './task-queue.js';

/** A worker process to be killed: the product's workers on a database and a folder, without a ledger. */
const [uri = '', folder = ''] = process.argv.slice(2);
const mongo = await MongoStore.open({ uri, dataDir: folder });
const objects = await openObjectStore(pathToFileURL(join(folder, 'objects')).href);
const launcher = new ChildLauncher(join(folder, 'scratch'));
const store = new TaskStore(mongo);
const silent = () => {};
const workers = new ConversionWorkers({
  store,
  queue: new TaskQueue(store, plainPorts, { leaseMs: TIMES.leaseMs, maxAttempts: 3, random: Math.random }),
  bell: new TaskBell(),
  launcher,
  objects,
  log: { info: silent, warn: silent, error: silent },
  workers: 1,
  times: TIMES,
  limits: { ...AMPLE, cpus: 1 },
});
await launcher.sweep();
workers.start();
process.once('SIGTERM', () => {
  void workers
    .stop()
    .then(() => launcher.close())
    .then(() => mongo.close())
    .then(() => process.exit(0));
});
process.send?.('started');
