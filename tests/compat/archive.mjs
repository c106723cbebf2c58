// Archives in real buckets with Object Lock and versions, in both lock modes, and once encrypted: archived, copied into a
// second bucket and verified; by docs/design/archive-example.py with none of our code; behind delete markers and newer
// versions of a stranger; with the second bucket alone; restored, held, and deleted by nobody. The buckets are those in
// COLD_URL and COPY_URL, PYTHON has the package cryptography. Run after a build, as the compatibility stage does. Exits 1
// on failure.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CommandBus } from '@nestjs/cqrs';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ColdStores } from '../../dist/apps/server/src/audit/cold/cold-stores.js';
import { RestoreArchive } from '../../dist/apps/server/src/audit/commands/restore-archive.command.js';
import { ArchiveVerification } from '../../dist/apps/server/src/audit/verification/archive-verification.js';
import { AuditKeys } from '../../dist/apps/server/src/audit/keys/audit-keys.js';
import { verifierKeyText } from '../../dist/libs/ledger/src/index.js';
import { ColdLedger, coldRoom } from './cold-ledgers.mjs';
import { HttpFaultProxy } from './http-fault-proxy.mjs';

const OPERATOR = { tenant: 'acme', actor: { type: 'operator', id: 'tester' } };
const endpoint = new URL(process.env.COLD_URL).searchParams.get('endpoint');
const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
const signal = new AbortController().signal;

for (const lock of ['governance', 'compliance']) await inMode(lock);
client.destroy();

async function inMode(lock) {
  const proxy = await HttpFaultProxy.before(endpoint);
  const run = `${randomUUID()}-${lock}`;
  const [coldUrl, copyUrl] = [below(process.env.COLD_URL, run, proxy.url), below(process.env.COPY_URL, run, endpoint)];
  const cold = { coldUrl, copyUrl, lock, encrypt: lock === 'compliance' };
  let room = await coldRoom({ cold });
  let ledger = new ColdLedger(room, 'acme');
  const say = (what, holds) => expect(`${lock}: ${what}`, holds);
  try {
    const signed = [];
    for (let batch = 0; batch < 3; batch++) {
      await ledger.grow(260);
      signed.push(Date.now());
    }
    for (const signedBy of signed) await ledger.run(signedBy);
    const waiting = await ledger.behind();
    await ledger.copied();
    const batches = await ledger.batches();
    const objects = batches.flatMap(objectsOf);
    say('three batches, with versions in both buckets', batches.length === 3 && objects.every(named));
    say('the second bucket was behind by three and is by none', waiting === 3 && (await ledger.behind()) === 0);
    say(
      'locked for the days that are asked for',
      batches.every(({ retention }) => retention.mode === lock),
    );
    await ledger.assertSound();
    say('verified where they lie, read and followed as one ledger', true);

    for (const object of objects) await hide(object.primary, coldUrl);
    await ledger.assertSound();
    say('the same behind delete markers', true);
    for (const object of objects) await overlay(object.primary, coldUrl);
    await ledger.assertSound();
    say('the same below newer versions of a stranger', true);
    await outsider(say, { room, ledger, object: objectsOf(batches[1]), coldUrl, encrypted: cold.encrypt });
    const stores = room.module.get(ColdStores);
    const versions = await (await stores.primary()).versions(objects[0].primary.Key);
    const kinds = versions.map(({ version, deleteMarker }) =>
      deleteMarker ? 'marker' : version === objects[0].primary.VersionId ? 'ours' : 'stranger',
    );
    say('marker and stranger are told apart from ours', kinds.join(' ') === 'stranger marker ours');

    const refused = await Promise.all(
      objects.flatMap(({ primary, copy }) => [remove(primary, coldUrl), remove(copy, copyUrl)]),
    );
    say(
      'the buckets let nobody delete a version',
      refused.every((status) => status === 403),
    );

    await stores.hold(batches[0], true);
    const held = await Promise.all(objects.slice(0, 2).map(({ primary, copy }) => locksOf(stores, primary, copy)));
    say(
      'held in both buckets, and ours is',
      held.flat().every(({ legalHold }) => legalHold),
    );
    const removed = await stores.remove(batches[0]).catch(({ code }) => code);
    say('the product does not remove it', removed === 'OBJECT_STORE.RETAINED');
    await stores.hold(batches[0], false);

    const each = batches.map(({ _id }) => [_id, { copy: true, signal }]);
    const verdicts = [];
    for (const [id, options] of each)
      verdicts.push(await room.module.get(ArchiveVerification).verify('acme', id, options));
    say(
      'the second bucket is verified by itself',
      verdicts.every(({ tier, batches }) => tier !== 'broken' && batches.verified === 1),
    );

    await room.module.get(CommandBus).execute(new RestoreArchive('acme', batches[1]._id, 1, OPERATOR));
    const { tiers } = await ledger.followed();
    say('a batch is restored', tiers.filter((tier) => tier === 'restored').length === 256);
    await ledger.grow(1);

    const lines = objectsOf(batches[2])[0].primary;
    const bypassed = await remove(lines, coldUrl, { BypassGovernanceRetention: true });
    say('who may bypass deletes in governance mode alone', bypassed === (lock === 'governance' ? 204 : 403));
    const { breaks } = await ledger.verdict();
    const classes = breaks.map(({ class: kind, from }) => `${kind} ${from}`).join();
    const missing = lock === 'governance' ? `archive_missing ${batches[2].startSeq}` : '';
    say('what is gone is named, although the copy answers readers', classes === missing);

    // A process that has read nothing yet, and the first bucket is out of reach.
    await room.close();
    await proxy.close();
    const { dataDir } = room;
    room = await coldRoom({ dataDir, cold });
    ledger = new ColdLedger(room, 'acme');
    const found = await room.module.get(ColdStores).read(batches[0], 'jsonl');
    say('read from the second bucket, and said so', found.from === 'copy' && found.primaryFault !== undefined);
    const { seqs } = await ledger.followed();
    say('the whole ledger is read without the first bucket', seqs.length > 780 && seqs.every((seq, at) => seq === at));
    const logged = room.lines.some((line) => JSON.parse(line).action === 'audit.cold_failover');
    say('a line of the log says that the copy answered', logged);
  } finally {
    await proxy.close().catch(() => undefined);
    await room.remove();
  }
}

/** Somebody with the two objects of a batch, the verifier key and Python. */
async function outsider(say, { room, ledger, object: [lines, manifest], coldUrl, encrypted }) {
  const file = (name) => join(room.dataDir, name);
  const stored = await fetched(lines.primary, coldUrl);
  await writeFile(file('batch.jsonl.gz'), stored);
  await writeFile(file('batch.manifest.json'), await fetched(manifest.primary, coldUrl));
  const [vkey] = room.module.get(AuditKeys).verifierKeys('acme', ledger.origin).map(verifierKeyText);
  const given = ['docs/design/archive-example.py', file('batch.manifest.json'), file('batch.jsonl.gz'), vkey];
  const withRing = encrypted ? [...given, file('keys/archive.ring')] : given;
  say('an outsider finds a batch good', /^ok {6}the chain over 256 events$/m.test(python(withRing)));
  if (encrypted) say('and without the ring its stored bytes', /^ok {6}the stored bytes$/m.test(python(given)));
  stored[stored.length >> 1] ^= 1;
  await writeFile(file('batch.jsonl.gz'), stored);
  say('and one with a bit flipped broken', /^BROKEN {2}the stored bytes\nexit 1$/m.test(python(withRing)));
}

function python(args) {
  try {
    return execFileSync(process.env.PYTHON ?? 'python3', args, { encoding: 'utf8' });
  } catch ({ stdout, status }) {
    return `${stdout}exit ${status}\n`;
  }
}

/** Where the objects of a batch lie, in each bucket. */
function objectsOf({ jsonlKey, manifestKey, versionIds, copy }) {
  const object = (Key, part) => ({
    primary: { Key, VersionId: versionIds[part] },
    copy: { Key, VersionId: copy?.versionIds[part] },
  });
  return [object(jsonlKey, 'jsonl'), object(manifestKey, 'manifest')];
}

function named({ primary, copy }) {
  return Boolean(primary.VersionId && copy.VersionId);
}

async function locksOf(stores, primary, copy) {
  return [
    await (await stores.primary()).head(primary.Key, { version: primary.VersionId }),
    await (await stores.copy()).head(copy.Key, { version: copy.VersionId }),
  ];
}

/** As whoever can write to the bucket does. */
function hide({ Key }, url) {
  return client.send(new DeleteObjectCommand(addressOf(Key, url)));
}

function overlay({ Key }, url) {
  return client.send(new PutObjectCommand({ ...addressOf(Key, url), Body: 'not yours' }));
}

async function fetched({ Key, VersionId }, url) {
  const { Body } = await client.send(new GetObjectCommand({ ...addressOf(Key, url), VersionId }));
  return buffer(Body);
}

function remove({ Key, VersionId }, url, options = {}) {
  const answer = client.send(new DeleteObjectCommand({ ...addressOf(Key, url), VersionId, ...options }));
  return answer.then(
    () => 204,
    (error) => error.$metadata.httpStatusCode,
  );
}

function addressOf(key, url) {
  const { hostname, pathname } = new URL(url);
  return { Bucket: hostname, Key: `${pathname.slice(1)}/${key}` };
}

function below(url, path, through) {
  const own = new URL(url);
  own.pathname = `/${path}`;
  own.searchParams.set('endpoint', through);
  return own.href;
}

function expect(what, holds) {
  console.log(`archive: ${what}: ${holds ? 'yes' : 'NO'}`);
  if (!holds) process.exitCode = 1;
}
