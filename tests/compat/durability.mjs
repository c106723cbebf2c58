// Shows, under `strace -f`, that each acknowledged durable write of the embedded engine reached the disk: between the
// read of the request and the write of the reply an fdatasync of the data file begins and completes, and the page that
// makes the commit valid is written through a descriptor that was opened with O_DSYNC. Then shows that the same check
// fails when syncing is off. Run after a build: node tests/compat/durability.mjs. Exits 1 on failure, 2 without strace.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import mongoose from 'mongoose';

const CALLS = 'openat,read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync,msync';
const [role, ...rest] = process.argv.slice(2);
if (role === 'engine') await runEngine(...rest);
else await main();

async function runEngine(dataDir, sync) {
  const { startEngine } = await import('../../dist/libs/embedded-mongo/src/embedded-mongo.js');
  const engine = await startEngine({ dataDir, sync: sync === 'sync' });
  console.log(engine.uri);
  process.stdin.on('end', () => void engine.stop());
  process.stdin.resume();
}

async function main() {
  if (spawnSync('strace', ['-V']).error) {
    console.error('durability: strace is needed and was not found');
    process.exitCode = 2;
    return;
  }
  const synced = await traced('sync');
  for (const line of synced.faults) console.error(`durability: ${line}`);
  const unsynced = await traced('nosync');
  console.log(
    `durability: ${synced.writes} acknowledged writes, ${synced.faults.length} not on the disk before the reply`,
  );
  console.log(`durability: with syncing off the same check fails for ${unsynced.faults.length} of ${unsynced.writes}`);
  const proves = synced.writes > 0 && synced.faults.length === 0 && unsynced.faults.length === unsynced.writes;
  process.exitCode = proves ? 0 : 1;
}

async function traced(sync) {
  const dataDir = mkdtempSync(join(tmpdir(), 'durability-'));
  const log = join(dataDir, 'strace.log');
  const self = fileURLToPath(import.meta.url);
  const options = ['-f', '-yy', '-s', '1000', '-e', `trace=${CALLS}`, '-o', log];
  const child = spawn('strace', [...options, process.execPath, self, 'engine', dataDir, sync], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const uri = await new Promise((resolve, reject) => {
      child.stdout.once('data', (line) => resolve(String(line).trim()));
      child.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)));
    });
    const markers = await writeEverything(uri);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    await ended;
    return { writes: markers.length, faults: faultsIn(readFileSync(log, 'utf8').split('\n'), markers) };
  } finally {
    child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** One write after another, each carrying a marker of its own; all kinds of writes under all durable concerns. */
async function writeEverything(uri) {
  const client = await new mongoose.mongo.MongoClient(uri).connect();
  const markers = [];
  const marker = () => markers[markers.push(`marker-${markers.length}-end`) - 1];
  for (const writeConcern of [{ w: 1, j: true }, { w: 'majority' }, undefined]) {
    const collection = client.db('durable').collection('writes');
    const _id = marker();
    await collection.insertOne({ _id }, { writeConcern });
    await collection.insertMany([{ _id: marker() }, { n: 1 }, { n: 2 }], { writeConcern });
    await collection.updateOne({ _id }, { $set: { v: marker() } }, { writeConcern });
    await collection.findOneAndUpdate({ _id }, { $set: { v: marker() } }, { writeConcern });
    await collection.createIndex({ [marker()]: 1 }, { name: `index-${markers.length}`, writeConcern });
    await collection.deleteOne({ _id, v: { $ne: marker() } }, { writeConcern });
  }
  await client.close();
  return markers;
}

/** Calls that another thread interrupted are two lines; what counts is where each begins and where it completes. */
function faultsIn(lines, markers) {
  const metaPages = new Set();
  const calls = [];
  const open = new Map();
  lines.forEach((line, at) => {
    const [, thread, text] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (!text) return;
    if (text.includes('<unfinished ...>')) open.set(thread, { text: text.replace('<unfinished ...>', ''), began: at });
    else if (text.startsWith('<... ')) {
      const begun = open.get(thread);
      if (begun)
        calls.push({ text: begun.text + text.replace(/^<\.\.\. \w+ resumed>/, ''), began: begun.began, ended: at });
      open.delete(thread);
    } else calls.push({ text, began: at, ended: at });
  });
  for (const { text } of calls) {
    const [, fd] = /^openat\(.*mongo\.mdb".*O_DSYNC.* = (\d+)/.exec(text) ?? [];
    if (fd) metaPages.add(fd);
  }
  return markers.flatMap((marker) => {
    const request = calls.find(({ text }) => /^(read|recv)/.test(text) && text.includes(marker));
    if (!request) return [`${marker}: the request was not seen`];
    const socket = /\((\d+)</.exec(request.text)[1];
    const reply = calls.find(
      ({ text, began }) =>
        began > request.ended && new RegExp(`^(write|writev|sendto|sendmsg)\\(${socket}<`).test(text),
    );
    if (!reply) return [`${marker}: the reply was not seen`];
    const between = calls.filter(({ began, ended }) => began > request.ended && ended < reply.began);
    const sync = between.find(({ text }) => /^(fdatasync|fsync|msync)\(\d+<[^>]*mongo\.mdb>\s*\)\s+= 0/.test(text));
    if (!sync) return [`${marker}: no fdatasync of the data file completed between request and reply`];
    const commit = between.some(({ text, began }) => {
      const [, fd] = /^pwrite64\((\d+)<[^>]*mongo\.mdb>/.exec(text) ?? [];
      return began > sync.ended && metaPages.has(fd);
    });
    return commit ? [] : [`${marker}: the page that makes the commit valid was not written through O_DSYNC`];
  });
}
