// Every write of an archive to its bucket, and of the copy to the second one × {request lost, reply lost, late, killed
// before and after}, by a proxy on the wire before the stores in COLD_URL and COPY_URL; then on (or started anew), run
// again, appended to, and verified by the product. The points are what a run without faults writes: a new write is in the
// matrix by itself. Run after a build, as the compatibility stage does. Exits 1 on failure.
import { deepStrictEqual } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { openObjectStore } from '../../dist/libs/object-store/src/index.js';
import { ColdLedger, coldRoom } from './cold-ledgers.mjs';
import { HttpFaultProxy } from './http-fault-proxy.mjs';
import { arm, FAULTS, killedBy, KILLS, tenantOf } from './write-faults.mjs';

/** One batch of 256, and what stays hot. */
const EVENTS = 260;

const proxy = await HttpFaultProxy.before(new URL(process.env.COLD_URL).searchParams.get('endpoint'));
const run = randomUUID();
const engine = await startRoom();
const place = { dataDir: engine.dataDir, uri: engine.store.uri, cold: { lock: 'governance', ...urls(proxied) } };
const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY };
const { coldUrl, copyUrl } = urls((url) => url);
const stores = [await openObjectStore(coldUrl, { credentials }), await openObjectStore(copyUrl, { credentials })];
try {
  const points = await writePoints();
  console.log(`archive faults: ${points.length} writes: ${points.join(', ')}`);
  deepStrictEqual(points.filter((point) => point.startsWith('PUT')).length >= 4, true);
  const cases = (faults) => points.flatMap((write, at) => faults.map((fault) => ({ write, at, fault })));
  await afterFaults(cases(FAULTS));
  await afterKills(cases(KILLS));
  console.log(`archive faults: ${points.length * (FAULTS.length + KILLS.length)} cases, every one sound: yes`);
} finally {
  for (const store of stores) store.close();
  await proxy.close();
  await engine.remove();
}

/** What a run without faults writes, and its copier, in order. */
async function writePoints() {
  const points = [];
  await inRoom(async (room) => {
    const ledger = new ColdLedger(room, 'plain');
    await ledger.grow(EVENTS);
    proxy.onRequest = (request) => {
      const write = writeOf(request, 'plain');
      if (write) points.push(write);
    };
    await ledger.run();
    await ledger.copied();
    proxy.onRequest = undefined;
    await assertSound(ledger);
  });
  return points;
}

/** In one process, each on a ledger of its own. */
async function afterFaults(cases) {
  await inRoom(async (room) => {
    for (const one of cases) {
      const ledger = new ColdLedger(room, tenantOf(one));
      await ledger.grow(EVENTS);
      const before = await ledger.hot();
      const struck = armed(one);
      const failed = await ledger.run().then(
        () => ledger.copied().catch((error) => error),
        async (error) => {
          deepStrictEqual([ledger.tenant, await ledger.hot()], [ledger.tenant, before]);
          return error;
        },
      );
      deepStrictEqual([ledger.tenant, struck()], [ledger.tenant, one.fault.strikes]);
      // A connection that is cut is a time-out in the SDK's words.
      const unanswered = ['OBJECT_STORE.UNAVAILABLE', 'OBJECT_STORE.TIMEOUT'].includes(failed?.code);
      deepStrictEqual([ledger.tenant, unanswered, !failed], [ledger.tenant, one.fault.fails, !one.fault.fails]);
      await goneOn(ledger);
    }
  });
}

/** Each in a process that dies of it; the next one finds what it left. */
async function afterKills(cases) {
  await inRoom(async (room) => {
    for (const one of cases) await new ColdLedger(room, tenantOf(one)).grow(EVENTS);
  });
  for (const one of cases) await killed(one);
  await inRoom(async (room) => {
    for (const one of cases) await goneOn(new ColdLedger(room, tenantOf(one)));
  });
}

function killed(one) {
  return killedBy('cold-ledgers.mjs', { ...place, tenant: tenantOf(one) }, (kill) => armed(one, kill));
}

function armed(one, struckBy) {
  return arm(proxy, (request) => writeOf(request, tenantOf(one)) === one.write, one.fault, struckBy);
}

/** Runs until nothing is left to archive, copies, appends; and is sound. */
async function goneOn(ledger) {
  while ((await ledger.run()).batchId !== null);
  await ledger.copied();
  await ledger.grow(3);
  await assertSound(ledger);
}

async function assertSound(ledger) {
  await ledger.assertSound();
  const { tenant } = ledger;
  const batches = await ledger.batches();
  deepStrictEqual([tenant, batches.map(({ state }) => state)], [tenant, ['done']]);
  deepStrictEqual([tenant, await ledger.behind()], [tenant, 0]);
  for (const [at, store] of stores.entries()) {
    const versions = at === 0 ? batches[0].versionIds : batches[0].copy.versionIds;
    await assertOnceAndLocked(store, ledger, versions);
  }
}

/** Both objects lie there once, locked, under the version that is recorded. */
async function assertOnceAndLocked(store, { tenant }, { jsonl, manifest }) {
  const found = [];
  for await (const { key } of store.list(`tenants/${tenant}/`)) {
    const kept = await store.versions(key);
    const { retainUntil, lockMode } = await store.head(key);
    deepStrictEqual([key, kept.length, retainUntil > new Date(), lockMode], [key, 1, true, 'governance']);
    found.push(kept[0].version);
  }
  deepStrictEqual([tenant, found], [tenant, [jsonl, manifest]]);
}

/** What the request writes of this ledger; undefined for a question, or another ledger. */
function writeOf({ method, path }, tenant) {
  if (['GET', 'HEAD'].includes(method) || !path.includes(`/tenants/${tenant}/`)) return undefined;
  const { pathname, searchParams } = new URL(path, 'http://store');
  const act = ['retention', 'legal-hold'].find((name) => searchParams.has(name));
  const what = /\.(jsonl\.gz|manifest\.json)$/.exec(pathname)?.[1];
  return [method, pathname.split('/')[1], what, act].filter(Boolean).join(' ');
}

async function inRoom(work) {
  const room = await coldRoom(place);
  try {
    await work(room);
  } finally {
    await room.close();
  }
}

function proxied(url) {
  const through = new URL(url);
  through.searchParams.set('endpoint', proxy.url);
  return through.href;
}

/** Below a prefix of this run, for a locked object outlives it. */
function urls(made) {
  const below = (url) => {
    const own = new URL(url);
    own.pathname = `/${run}`;
    return made(own.href);
  };
  return { coldUrl: below(process.env.COLD_URL), copyUrl: below(process.env.COPY_URL) };
}
