// Anchors with real others: a time-stamping authority of `openssl ts`, whose token openssl itself verifies again from
// what was kept, and a bucket with Object Lock in ANCHOR_URL, from which nobody can remove a copy. Run after a build,
// as the compatibility stage does. Exits 1 on failure.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mongoose from 'mongoose';
import { openObjectStore } from '../../dist/libs/object-store/src/index.js';
import { startServer } from '../../dist/libs/testing/src/server.js';
import { TimestampAuthority } from './timestamp-authority.mjs';

const folder = mkdtempSync(join(tmpdir(), 'assay-anchors-'));
const authority = new TimestampAuthority(join(folder, 'authority'));
authority.certificate('tsa', {});
const service = await authority.serve();
const server = await startServer({
  embedded: true,
  env: {
    AUDIT_ANCHOR_URL: process.env.ANCHOR_URL,
    AUDIT_ANCHOR_ACCESS_KEY: process.env.AWS_ACCESS_KEY_ID,
    AUDIT_ANCHOR_SECRET_KEY: process.env.AWS_SECRET_ACCESS_KEY,
    AUDIT_ANCHOR_RETAIN_DAYS: '1',
    AUDIT_TSA_URL: service.url,
    AUDIT_TSA_CA: join(authority.folder, 'root.pem'),
    AUDIT_ANCHOR_MINUTES: '0.02',
  },
});
const client = await new mongoose.mongo.MongoClient(server.mongoUri).connect();
try {
  await asked('/audit/events'); // which is the ledger's first event
  const { anchors } = await anchored();
  const copy = anchors.find(({ kind }) => kind === 'object_store');
  const stamp = anchors.find(({ kind }) => kind === 'rfc3161');
  expect('the copy names its version', typeof copy.version === 'string' && copy.version !== '');
  expect('the copy is locked for a day', Date.parse(copy.retain_until) > Date.now() + 23 * 3_600_000);

  const kept = client.db('assay').collection('ledger_anchors');
  const { token, note } = await kept.findOne(
    { kind: 'rfc3161', tenant: 'default', size: stamp.size },
    { promoteBuffers: true },
  );
  writeFileSync(join(authority.folder, 'kept.token'), token);
  writeFileSync(join(authority.folder, 'kept.note'), note);
  const input = ['-token_in', '-in', 'kept.token', '-data', 'kept.note'];
  const said = authority.openssl('ts', '-verify', ...input, '-CAfile', 'root.pem', '-untrusted', 'intermediate.pem');
  expect('openssl verifies the kept token', said.includes('Verification: OK'));

  const store = await openObjectStore(process.env.ANCHOR_URL, {
    credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
  });
  const prefix = 'assay.local/ledger/default/checkpoints/';
  const keys = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  expect('the checkpoint lies in the bucket', keys.includes(`${prefix}${String(copy.size).padStart(16, '0')}`));
  const code = await store.delete(keys[0]).catch((error) => error.code);
  expect('nobody deletes it', code === 'OBJECT_STORE.RETAINED');
  store.close();
} finally {
  await client.close();
  await server.remove();
  service.close();
  rmSync(folder, { recursive: true, force: true });
}

/** The states once everything published has been anchored at both places. */
async function anchored() {
  for (;;) {
    const states = await asked('/audit/anchors');
    if (states.anchors.every(({ size }) => size !== null)) return states;
    await sleep(100);
  }
}

async function asked(path) {
  const headers = { authorization: `Bearer ${server.apiKey}` };
  const answer = await fetch(`${server.url}/api/v1${path}`, { headers });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`expected 200 for ${path}, found ${answer.status}: ${body}`);
  return JSON.parse(body);
}

function expect(what, holds) {
  console.log(`anchors: ${what}: ${holds ? 'yes' : 'NO'}`);
  if (!holds) process.exitCode = 1;
}
