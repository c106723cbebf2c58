// Every write of anchoring to a bucket × {request lost, reply lost, late, killed before and after}, by a proxy on the wire
// before the store in ANCHOR_URL; then on (or started anew), appended to, anchored again, and verified by the product. The
// points are what a run without faults writes: a new write is in the matrix by itself. Run after a build, as the
// compatibility stage does. Exits 1 on failure.
import { deepStrictEqual } from 'node:assert';
import { QueryBus } from '@nestjs/cqrs';
import { startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { AuditKeys } from '../../dist/apps/server/src/audit/keys/audit-keys.js';
import { VerifyLedger } from '../../dist/apps/server/src/audit/queries/verify-ledger.query.js';
import { Anchors } from '../../dist/apps/server/src/audit/storage/anchors.store.js';
import { Ledgers } from '../../dist/apps/server/src/audit/storage/ledgers.store.js';
import { TILE_WIDTH, verifierKeyText } from '../../dist/libs/ledger/src/index.js';
import { AnchoredLedger, anchored, anchoringRoom, openBucket, STEPS } from './anchored-ledgers.mjs';
import { HttpFaultProxy } from './http-fault-proxy.mjs';
import { arm, FAULTS, killedBy, KILLS, tenantOf } from './write-faults.mjs';

const bucketUrl = process.env.ANCHOR_URL;
const proxy = await HttpFaultProxy.before(new URL(bucketUrl).searchParams.get('endpoint'));
const proxied = new URL(bucketUrl);
proxied.searchParams.set('endpoint', proxy.url);
const engine = await startRoom();
const place = { dataDir: engine.dataDir, uri: engine.store.uri, anchorUrl: proxied.href };
const bucket = await openBucket(bucketUrl);
try {
  const points = await writePoints();
  console.log(`anchor faults: ${points.length} writes: ${points.map(({ write }) => write).join(', ')}`);
  for (const needed of ['PUT checkpoints/', 'PUT tile/', 'retention']) {
    if (!points.some(({ write }) => write.includes(needed))) throw new Error(`expected a ${needed}, found none`);
  }
  const cases = (faults) => points.flatMap((point, at) => faults.map((fault) => ({ point, at, fault })));
  await afterFaults(cases(FAULTS));
  await afterKills(cases(KILLS));
  console.log(`anchor faults: ${points.length * (FAULTS.length + KILLS.length)} cases, every one sound: yes`);
} finally {
  bucket.close();
  await proxy.close();
  await engine.remove();
}

/** What a run without faults writes, in order, and in which step. */
async function writePoints() {
  const points = [];
  let step = 0;
  proxy.onRequest = (request) => {
    const write = writeOf(request, 'plain');
    if (write) points.push({ write, step });
  };
  await inRoom(async (room) => {
    const ledger = new AnchoredLedger(room, bucket, 'plain');
    for (; step < STEPS.length; step++) await taken(room, [ledger], step);
    await assertSound(ledger);
  });
  proxy.onRequest = undefined;
  return points;
}

/** In one process, and each on a ledger of its own: all of them take each step before the next. */
async function afterFaults(cases) {
  const inTurn = cases.map((one) => ({ ...one, tenant: tenantOf(one), struck: armed(one) }));
  await inRoom(async (room) => {
    const ledgers = inTurn.map(({ tenant }) => new AnchoredLedger(room, bucket, tenant));
    for (let step = 0; step < STEPS.length; step++) await taken(room, ledgers, step);
    for (const { tenant, fault, struck } of inTurn) deepStrictEqual([tenant, struck()], [tenant, fault.strikes]);
    await goneOn(room, ledgers);
  });
}

/** Each in a process that dies of it, in the step of its point; the next one finds what it left. */
async function afterKills(cases) {
  await inRoom(async (room) => {
    for (let step = 0; step < STEPS.length; step++) {
      const before = cases.filter(({ point }) => point.step > step);
      const ledgers = before.map((one) => new AnchoredLedger(room, bucket, tenantOf(one)));
      await taken(room, ledgers, step);
    }
  });
  for (const one of cases) await killed(one);
  await inRoom(async (room) => {
    const ledgers = cases.map((one) => new AnchoredLedger(room, bucket, tenantOf(one)));
    await anchored(room, ledgers);
    await goneOn(room, ledgers);
  });
}

function killed(one) {
  const task = { ...place, bucketUrl, tenant: tenantOf(one), step: one.point.step };
  return killedBy('anchored-ledgers.mjs', task, (kill) => armed(one, kill));
}

function armed(one, struckBy) {
  const isPoint = (request) => writeOf(request, tenantOf(one)) === one.point.write;
  return arm(proxy, isPoint, one.fault, struckBy);
}

async function taken(room, ledgers, step) {
  for (const ledger of ledgers) await STEPS[step](ledger);
  await anchored(room, ledgers);
}

async function goneOn(room, ledgers) {
  for (const ledger of ledgers) await ledger.grow(3);
  await anchored(room, ledgers);
  for (const ledger of ledgers) await assertSound(ledger);
}

/** What the request writes of this ledger; undefined for a question, or another ledger. */
function writeOf({ method, path }, tenant) {
  const below = `/ledger/${tenant}/`;
  if (['GET', 'HEAD'].includes(method) || !path.includes(below)) return undefined;
  const write = path.slice(path.indexOf(below) + below.length);
  return `${method} ${write.replace(/&versionId=\w+/, '')}`; // which is another on each ledger
}

/** The one oracle: the product's verifier, its own records, and what the bucket holds. */
async function assertSound(ledger) {
  const { room, tenant, origin } = ledger;
  const { module } = room;
  const vkeys = module.get(AuditKeys).verifierKeys(tenant, origin).map(verifierKeyText);
  const { tier, breaks, entries } = await module.get(QueryBus).execute(new VerifyLedger(tenant, vkeys));
  const { published, size, failure } = await ledger.state();
  const { state } = await module.get(Ledgers).find(tenant);
  const counts = { expected: published, found: published, verified: published };
  deepStrictEqual(
    { tenant, tier, breaks, entries: { ...entries }, size, failure, state },
    { tenant, tier: 'anchored', breaks: [], entries: counts, size: published, failure: null, state: 'open' },
  );
  const alarms = room.lines.filter((line) => /_MISMATCH|CONTRADICTED|audit\.suspended|anchor_invalid/.test(line));
  deepStrictEqual(alarms, []);
  await assertOnceAndLocked(ledger, size);
}

/** All that belongs in the bucket lies there once and is locked; what is recorded names the version there. */
async function assertOnceAndLocked({ room, tenant, origin }, size) {
  const versions = new Map();
  for await (const { key } of bucket.list(`${origin}/`)) {
    const kept = await bucket.versions(key);
    const { retainUntil, version } = await bucket.head(key);
    deepStrictEqual([key, kept.length, retainUntil > new Date()], [key, 1, true]);
    versions.set(key, version);
  }
  const tiles = [...versions.keys()].filter((key) => key.startsWith(`${origin}/tile/`));
  deepStrictEqual([tenant, tiles.length], [tenant, Math.floor(size / TILE_WIDTH)]);
  const recorded = await room.module.get(Anchors).collection.find({ tenant }).toArray();
  const named = recorded.map(({ size }) => versions.get(`${origin}/checkpoints/${String(size).padStart(16, '0')}`));
  deepStrictEqual([tenant, recorded.map(({ version }) => version)], [tenant, named]);
}

async function inRoom(work) {
  const room = await anchoringRoom(place);
  try {
    await work(room);
  } finally {
    await room.close();
  }
}
