// A year of a deployment on a simulated clock: three tenants, archived daily and copied, keys rotated twice, one person
// erased, one legal hold, encryption switched on in summer, the first months of one tenant retired. Then everything is
// verified where it lies, one batch restored, and one byte flipped in every kind of archived object in turn: each has to
// be found and named, and nothing else.
//   YEAR_EVENTS=1000000 node tests/compat/archive-year.mjs
import { deepStrictEqual, ok } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ArchiveTask } from '../../dist/apps/server/src/audit/archive/archive-task.js';
import { ColdCopier } from '../../dist/apps/server/src/audit/cold/cold-copier.js';
import { ColdStores } from '../../dist/apps/server/src/audit/cold/cold-stores.js';
import { RetentionRun } from '../../dist/apps/server/src/audit/retention/retention-run.js';
import { sampleDraft, startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { SigningRound } from '../../dist/apps/server/src/audit/checkpoints/signing-round.js';
import { EraseSubject } from '../../dist/apps/server/src/audit/commands/erase-subject.command.js';
import { PlaceHold } from '../../dist/apps/server/src/audit/commands/place-hold.command.js';
import { RestoreArchive } from '../../dist/apps/server/src/audit/commands/restore-archive.command.js';
import { RotateKey } from '../../dist/apps/server/src/audit/commands/rotate-key.command.js';
import { VerifyArchive } from '../../dist/apps/server/src/audit/commands/verify-archive.command.js';
import { ErasureReplay } from '../../dist/apps/server/src/audit/erasure/erasure-replay.js';
import { RecordEvents, SealEvents } from '../../dist/apps/server/src/audit/index.js';
import { AuditKeys } from '../../dist/apps/server/src/audit/keys/audit-keys.js';
import { ListEvents } from '../../dist/apps/server/src/audit/queries/list-events.query.js';
import { VerifyLedger } from '../../dist/apps/server/src/audit/queries/verify-ledger.query.js';
import { ArchiveBatches } from '../../dist/apps/server/src/audit/storage/archive-batches.store.js';
import { Ledgers } from '../../dist/apps/server/src/audit/storage/ledgers.store.js';
import { verifierKeyText } from '../../dist/libs/ledger/src/index.js';

const EVENTS = Number(process.env.YEAR_EVENTS ?? 100_000);
const TENANTS = ['alpha', 'bravo', 'charlie'];
const [DAYS, DAY_MS, HOUR_MS] = [365, 86_400_000, 3_600_000];
const BEGIN = Date.UTC(2025, 0, 1);
const OPERATOR = { tenant: 'alpha', actor: { type: 'operator', id: 'op' }, request_id: 'year' };
const clock = simulatedClock();

/** What happens besides, by day. */
const acts = {
  95: () => order(new PlaceHold('bravo', { case_id: 'case-7', since: day(10), until: day(20) }, OPERATOR)),
  120: () => order(new RotateKey('note', undefined, OPERATOR)),
  180: () => start(true),
  200: () => order(new EraseSubject('alpha', 'person 3', 'person_asked', undefined, OPERATOR)),
  240: () => order(new RotateKey('note', undefined, OPERATOR)),
  360: () => get(RetentionRun).runOnce('charlie', new Date()),
};

const folder = await mkdtemp(join(tmpdir(), 'assay-year-'));
const dataDir = join(folder, 'data');
let room;
const get = (provider) => room.module.get(provider);
const order = (command) => get(CommandBus).execute(command);
const began = performance.now();
try {
  await year();
  await asItLies();
  await restored();
  await flipped();
} finally {
  await room?.close();
  await rm(folder, { recursive: true, force: true });
}

async function year() {
  await start(false);
  for (let day = 0; day < DAYS; day++) {
    clock.set(day, 3);
    await get(ArchiveTask).tick(new Date());
    for (const tenant of TENANTS) await copied(tenant);
    clock.set(day, 12);
    for (const tenant of TENANTS) await recorded(tenant, day);
    await signed();
    await acts[day]?.();
  }
  const { rss } = process.memoryUsage();
  const seconds = (performance.now() - began) / 1_000;
  console.log(`${EVENTS} events in ${DAYS} days, ${seconds.toFixed(0)} s, ${(rss / 2 ** 20).toFixed(0)} MiB resident`);
}

async function start(encrypt) {
  await room?.close();
  room = await startRoom({
    dataDir,
    env: {
      ARCHIVE_ENABLED: 'true',
      AUDIT_COLD_ENCRYPT: String(encrypt),
      AUDIT_COLD_COPY_URL: pathToFileURL(join(folder, 'copy')).href,
      AUDIT_RETENTION_DAYS: '0,charlie=300',
    },
  });
}

/** Every fiftieth event names one of ten persons. */
async function recorded(tenant, day) {
  const count =
    Math.round((EVENTS / DAYS / TENANTS.length) * (day + 1)) - Math.round((EVENTS / DAYS / TENANTS.length) * day);
  for (let from = 0; from < count; from += 1_000) {
    const drafts = Array.from({ length: Math.min(1_000, count - from) }, (_, i) => {
      const who = i % 50 === 0 ? { who: `person ${(day + i / 50) % 10}` } : {};
      return sampleDraft(from + i, { scope: { tenant }, data: { step: from + i, ...who } });
    });
    await order(new RecordEvents(tenant, await order(new SealEvents(drafts))));
  }
}

/** As the signing task does: keys that changed first. */
async function signed() {
  await get(SigningRound).run(await get(Ledgers).all());
}

async function copied(tenant) {
  for await (const batch of get(ArchiveBatches).notCopied(tenant)) {
    await get(ColdCopier).copyBatch(batch, new AbortController().signal);
  }
}

async function asItLies() {
  await signed();
  for (const tenant of TENANTS) {
    const [batches, report] = [await batchesOf(tenant), await verified(tenant)];
    const kept = batches.filter(({ state }) => state !== 'retired');
    const retired = batches.length - kept.length;
    deepStrictEqual([tenant, report.breaks, report.keys], [tenant, [], 'pinned']);
    deepStrictEqual([tenant, report.tier, report.reasons], [tenant, 'consistent', []]);
    deepStrictEqual([tenant, report.entries.verified], [tenant, report.entries.expected]);
    deepStrictEqual([tenant, report.batches.verified], [tenant, kept.length]);
    deepStrictEqual([tenant, report.highestArchivedSeq], [tenant, batches.at(-1).endSeq]);
    deepStrictEqual([tenant, report.oldestHotSeq], [tenant, batches.at(-1).endSeq + 1]);
    // Daily runs leave no more than a tile of what is old enough.
    const old = await room.entries.countDocuments({ tenant, ts: { $lt: day(DAYS - 1 - 90) } });
    ok(old < 256, `${tenant} has ${old} entries hot that are past their retention`);
    console.log(
      `${tenant}: ${report.entries.verified} entries, ${batches.length} batches (${retired} retired), ` +
        `${report.keys_used.length} keys, ${report.tier}, verified in ${(report.duration_ms / 1_000).toFixed(1)} s`,
    );
  }
  const keys = (await verified('alpha')).keys_used.filter((key) => key.includes('/ledger/'));
  deepStrictEqual(keys.length, 3, `expected three note keys, found ${keys.join()}`);
  ok((await batchesOf('charlie')).some(({ state }) => state === 'retired'));
  const held = (await batchesOf('bravo')).filter(({ holds = [] }) => holds.includes('case-7'));
  ok(held.length > 0 && held.every(({ minTs, maxTs }) => maxTs >= day(10) && minTs < day(20)));
}

async function restored() {
  const [before, batch, after] = await batchesOf('bravo');
  const since = new Date(Date.parse(before.maxTs) + 1).toISOString();
  await order(new RestoreArchive('bravo', batch._id, 7, OPERATOR));
  const page = await get(QueryBus).execute(
    new ListEvents('bravo', { since, until: after.minTs, kind: 'sample.done', limit: 50 }),
  );
  ok(page.events.length > 0 && page.events.every(({ tier }) => tier === 'restored'));
  deepStrictEqual((await verified('bravo')).breaks, []);
  console.log(`restored seq ${batch.startSeq} to ${batch.endSeq} of bravo`);
}

async function flipped() {
  const batches = await batchesOf('alpha');
  const plain = batches[Math.floor(batches.length / 8)];
  const encrypted = batches.findLast(({ encryption }) => encryption !== null);
  const retired = (await batchesOf('charlie')).find(({ state }) => state === 'retired');
  const [primary, copy] = [await get(ColdStores).primary(), await get(ColdStores).copy()];

  await flip('lines', primary, plain.jsonlKey, () => ledgerFinds('alpha', plain, 'archive_altered'));
  await flip('encrypted lines', primary, encrypted.jsonlKey, () => ledgerFinds('alpha', encrypted, 'archive_altered'));
  await flip('a manifest', primary, plain.manifestKey, () => ledgerFinds('alpha', plain, 'manifest_changed'));
  await flip('copied lines', copy, plain.jsonlKey, () => copyFinds(plain, 'archive_altered'));
  await flip('a copied manifest', copy, plain.manifestKey, () => copyFinds(plain, 'manifest_changed'));
  const tombstone = retired.manifestKey.replace('.manifest.json', '.tombstone.json');
  await flip('a tombstone', primary, tombstone, () => ledgerFinds('charlie', retired, 'archive_missing'));
  const [receipt] = await keysUnder(primary, 'tenants/alpha/ledger/erasures/');
  await flip('a receipt', primary, receipt, () => backupFinds(receipt));
  for (const tenant of TENANTS) deepStrictEqual((await verified(tenant)).breaks, []);
}

async function ledgerFinds(tenant, { _id, startSeq, endSeq }, expected) {
  named(await verified(tenant), { _id, startSeq, endSeq }, expected);
}

async function copyFinds({ _id, tenant, startSeq, endSeq }, expected) {
  const report = await order(new VerifyArchive(tenant, _id, true, { actor: OPERATOR.actor, credential: 'year' }));
  named(report, { _id, startSeq, endSeq }, expected);
}

/** A receipt is read when the database does not know it: when a backup of before the erasure was restored. */
async function backupFinds(receipt) {
  const erasures = room.store.collection('erasures');
  const known = await erasures.find({}).toArray();
  await erasures.deleteMany({});
  try {
    deepStrictEqual((await get(ErasureReplay).look()).invalid, [receipt]);
  } finally {
    await erasures.deleteMany({}); // what a receipt that was believed has put there
    await erasures.insertMany(known);
  }
}

/** One break, of this class, of this batch and its range. */
function named({ tier, breaks }, { _id, startSeq, endSeq }, expected) {
  const found = breaks.map(({ class: kind, batch, from, to }) => ({ kind, batch, from, to }));
  deepStrictEqual(
    { tier, found },
    { tier: 'broken', found: [{ kind: expected, batch: _id, from: startSeq, to: endSeq }] },
  );
}

/** Does it while one bit of one byte of the object is another, whatever the store thinks of that. */
async function flip(what, store, key, look) {
  const bytes = await buffer((await store.get(key)).body);
  const at = anyByte(bytes);
  const bit = 1 << Math.floor(Math.random() * 8);
  const other = Buffer.from(bytes);
  other[at] ^= bit;
  await replaced(store, key, other);
  try {
    await look();
  } catch (cause) {
    throw new Error(`${what}: bit ${bit} of byte ${at} of ${key}`, { cause });
  } finally {
    await replaced(store, key, bytes);
  }
  console.log(`found and named: one bit of ${what}`);
}

/** None of the id of a MAC's key: a MAC by a key that is not here says nothing, and the signature is what counts. */
function anyByte(bytes) {
  const id = /(?<="mac":\{"keyid":")[^"]*/.exec(bytes.toString('latin1'));
  for (;;) {
    const at = Math.floor(Math.random() * bytes.length);
    if (!id || at < id.index || at >= id.index + id[0].length) return at;
  }
}

async function replaced(store, key, bytes) {
  await store.hold(key, false);
  await store.delete(key);
  await store.put(key, bytes, { expectedSha256: createHash('sha256').update(bytes).digest('hex') });
}

async function verified(tenant) {
  const origin = `assay.test/ledger/${tenant}`;
  const first = verifierKeyText(get(AuditKeys).verifierKeys(tenant, origin)[0]);
  return get(QueryBus).execute(new VerifyLedger(tenant, [first]));
}

function batchesOf(tenant) {
  return get(ArchiveBatches).collection.find({ tenant }).sort({ startSeq: 1 }).toArray();
}

async function keysUnder(store, prefix) {
  const keys = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

function day(n) {
  return new Date(BEGIN + n * DAY_MS).toISOString();
}

/** Everything of this process lives by it but the store, whose clock only leases use. */
function simulatedClock() {
  const real = Date;
  let offset = BEGIN - real.now();
  globalThis.Date = class extends real {
    constructor(...given) {
      if (given.length === 0) super(real.now() + offset);
      else super(...given);
    }

    static now() {
      return real.now() + offset;
    }
  };
  return { set: (n, hour) => (offset = BEGIN + n * DAY_MS + hour * HOUR_MS - real.now()) };
}
