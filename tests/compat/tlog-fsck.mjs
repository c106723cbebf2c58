// An unmodified tlog-tiles checker reads a tenant's ledger over HTTP with a bearer token, while it grows: Tessera's
// fsck, built from the Go module proxy. It recomputes every leaf hash, tile and root. Then one bit of an entry, of a
// stored tile and of a tile's root is changed in the store, and each time it must fail. Run after a build:
// node tests/compat/tlog-fsck.mjs. Exits 1 on failure.
import { execFile, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import mongoose from 'mongoose';
import { startServer } from '../../dist/libs/testing/src/server.js';

const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck';
const VERSION = 'v1.0.4';
const ENTRIES = 3_000;
const CALLERS = 32;
const ROUNDS = 3;

const built = fileURLToPath(new URL('../../infrastructure/scripts/go-program.sh', import.meta.url));
const program = execFileSync(built, [FSCK, VERSION], { encoding: 'utf8' }).trim();
const server = await startServer({ embedded: true });
const client = await new mongoose.mongo.MongoClient(server.mongoUri).connect();
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
    const changed = Buffer.from(was.buffer);
    changed[changed.length >> 1] ^= 1;
    await collection.updateOne({ _id }, { $set: { [field]: changed } });
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
