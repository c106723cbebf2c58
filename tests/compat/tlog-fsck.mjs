// An unmodified tlog-tiles checker reads a tenant's ledger over HTTP with a bearer token, while it grows: Tessera's
// fsck, built from the Go module proxy. It recomputes every leaf hash, tile and root. Then one bit of an entry, of a
// stored tile and of a tile's root is changed in the store, and each time it must fail. At last the oldest entries are
// archived, and it reads hot and archived ones together; with a bit of the archived object changed it must fail. Run after
// a build: node tests/compat/tlog-fsck.mjs. Exits 1 on failure.
import { execFile, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import mongoose from 'mongoose';
import { openObjectStore } from '../../dist/libs/object-store/src/index.js';
import { startServer } from '../../dist/libs/testing/src/server.js';

const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck';
const VERSION = 'v1.0.4';
const ENTRIES = 3_000;
const CALLERS = 32;
const ROUNDS = 3;

const built = fileURLToPath(new URL('../../infrastructure/scripts/go-program.sh', import.meta.url));
const program = execFileSync(built, [FSCK, VERSION], { encoding: 'utf8' }).trim();
let server = await startServer({ embedded: true });
let client = await new mongoose.mongo.MongoClient(server.mongoUri).connect();
let faults = 0;
try {
  let asked = 0;
  await Promise.all(Array.from({ length: CALLERS }, () => askedUntil(() => asked >= ENTRIES)));
  const keyFile = join(server.dataDir, 'vkey');
  const { verifier_key } = await checkpointOf(ENTRIES);
  await writeFile(keyFile, `${verifier_key}\n`);

  let stopped = false;
  const writer = askedUntil(() => stopped);
  for (let round = 0; round < ROUNDS; round++) {
    const found = await checked(keyFile);
    expect('a growing ledger', true, found);
    await checkpointOf(Number(found.size) + 1);
  }
  stopped = true;
  await writer;

  const entries = client.db('assay').collection('ledger_entries');
  const tiles = client.db('assay').collection('ledger_tiles');
  await tampered(entries, { tenant: 'default', seq: 1_234 }, 'bytes', 'a bit of an entry was changed');
  await tampered(tiles, { tenant: 'default', level: 0, index: 3 }, 'hashes', 'a bit of a stored tile was changed');
  await tampered(tiles, { tenant: 'default', level: 0, index: 5 }, 'root', "a bit of a tile's root was changed");
  expect('everything put back', true, await checked(keyFile));

  const { endSeq, jsonlKey } = await archived();
  const cold = await openObjectStore(pathToFileURL(join(server.dataDir, 'cold')).href);
  const stored = await buffer((await cold.get(jsonlKey)).body);
  for (const [bytes, good, what] of [
    [flipped(stored), false, `a bit of the archived entries 0 to ${endSeq} was changed`],
    [stored, true, 'hot and archived entries together'],
  ]) {
    await cold.put(jsonlKey, bytes);
    await restarted(); // what a server has checked it keeps for a while
    expect(what, good, await checked(keyFile));
  }
  cold.close();

  async function restarted() {
    await client.close();
    await server.stop();
    server = await startServer({ embedded: true, dataDir: server.dataDir });
    client = await new mongoose.mongo.MongoClient(server.mongoUri).connect();
  }

  /** The oldest entries, as if they were signed a hundred days ago; none of them is left in the database. */
  async function archived() {
    const signed_at = new Date(Date.now() - 100 * 86_400_000);
    await client
      .db('assay')
      .collection('ledger_checkpoints')
      .updateMany({ tenant: 'default' }, { $set: { signed_at } });
    const answer = await fetch(`${server.url}/api/v1/audit/archive/run`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ override: true }),
    });
    const run = await answer.json();
    if (!(run.eventCount > 0)) throw new Error(`nothing was archived: ${JSON.stringify(run)}`);
    const left = await entries.countDocuments({ tenant: 'default', seq: { $lte: run.endSeq } });
    if (left > 0) throw new Error(`${left} archived entries are hot still`);
    return client.db('assay').collection('archive_batches').findOne({ _id: run.batchId });
  }

  /** Every question with other filters is one event. */
  async function askedUntil(done) {
    while (!done()) {
      const answer = await fetch(`${server.url}/api/v1/audit/events?limit=1&job_id=question-${asked++}`, {
        headers: { authorization: `Bearer ${server.apiKey}` },
      });
      if (answer.status !== 200) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  }

  async function tampered(collection, filter, field, what) {
    const { _id, [field]: was } = await collection.findOne(filter);
    await collection.updateOne({ _id }, { $set: { [field]: flipped(was.buffer) } });
    expect(what, false, await checked(keyFile));
    await collection.updateOne({ _id }, { $set: { [field]: was } });
  }
} finally {
  await client.close();
  await server.remove();
}
process.exitCode = faults === 0 ? 0 : 1;

function expect(what, good, { passed, size, said }) {
  const right = passed === good;
  if (!right) faults += 1;
  console.log(`tlog-fsck: ${what}: ${passed ? `holds at size ${size}` : 'fails'}${right ? '' : ' — NOT EXPECTED'}`);
  if (!right) console.log(said);
}

function flipped(bytes) {
  const changed = Buffer.from(bytes);
  changed[changed.length >> 1] ^= 1;
  return changed;
}

/** It always exits with 0: what it says is what counts. */
async function checked(keyFile) {
  const args = [
    ['--storage_url', `${server.url}/tlog/default/`],
    ['--public_key', keyFile],
    ['--origin', 'assay.local/ledger/default'],
    ['--bearer_token', server.apiKey],
    ['-N', '4'],
  ].flat();
  const { stderr } = await promisify(execFile)(program, [...args, '--ui=false'], { maxBuffer: 1 << 26 });
  const [, size] = /Successfully fsck'd log with size (\d+) /.exec(stderr) ?? [];
  return { passed: size !== undefined && !stderr.includes('fsck failed'), size, said: stderr.slice(0, 2_000) };
}

async function checkpointOf(size) {
  for (;;) {
    const answer = await fetch(`${server.url}/api/v1/audit/checkpoints/latest`, {
      headers: { authorization: `Bearer ${server.apiKey}` },
    });
    const checkpoint = await answer.json();
    if (checkpoint.size >= size) return checkpoint;
  }
}
