// The compatibility stage: what needs more than Node and npm. It needs Go, python3 with venv and the network, and builds
// and installs into a cache folder outside the tree; what is missing of strace, chromium and openssl it gets by apt-get,
// as root. It starts the external engines, runs the data suite, the object-store contract and the system suite on them,
// and shows under strace that an acknowledged write is on the disk. It fails, never skips, when something is missing.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'assay');
const SECANTUSDB = 'secantusdb==0.7.0b3';
const CRYPTOGRAPHY = 'cryptography==48.0.0';
const ANCHOR_BUCKET = 'assay-anchors';
const COLD_BUCKET = 'assay-cold';
const COPY_BUCKET = 'assay-cold-copy';
const ACCESS = { AWS_ACCESS_KEY_ID: 'assay-test', AWS_SECRET_ACCESS_KEY: 'assay-test-secret' };

const scratch = await mkdtemp(join(tmpdir(), 'assay-compat-'));
const started = [];
let failed = false;
try {
  need('strace');
  need('chromium');
  need('openssl');
  const mongodbUri = await startSecantusDb();
  const objectStoreUrl = await startVersitygw();
  const stores = { MONGODB_URI: mongodbUri, OBJECT_STORE_URL: objectStoreUrl, ...ACCESS };
  run('the data suite on SecantusDB', jest('data'), { MONGODB_URI: mongodbUri });
  run('the object-store contract on versitygw', jest('integration', 'libs/object-store'), {
    ASSAY_TEST_S3_URL: objectStoreUrl,
    ...ACCESS,
  });
  run('the system suite on both', jest('system'), stores);
  run(
    'kill -9, faults and attacks on both',
    jest('crash', 'kill', 'crash', 'fault-matrix', 'writers', 'tamper'),
    stores,
  );
  run('libs/ledger in Chromium', [process.execPath, 'tests/browser/ledger.mjs'], {});
  run('an unmodified tlog-tiles checker', [process.execPath, 'tests/compat/tlog-fsck.mjs'], {});
  run('anchors: openssl ts and a bucket with Object Lock', [process.execPath, 'tests/compat/anchors.mjs'], {
    ANCHOR_URL: objectStoreUrl.replace('assay-test', ANCHOR_BUCKET),
    ...ACCESS,
  });
  run('faults at every write of an anchor to a bucket', [process.execPath, 'tests/compat/anchor-faults.mjs'], {
    ANCHOR_URL: objectStoreUrl.replace('assay-test', ANCHOR_BUCKET),
    ...ACCESS,
  });
  const cold = {
    COLD_URL: objectStoreUrl.replace('assay-test', COLD_BUCKET),
    COPY_URL: objectStoreUrl.replace('assay-test', COPY_BUCKET),
    ...ACCESS,
  };
  run(
    'archiving, reading, restoring, retention and erasure in such a bucket',
    jest('integration', 'audit/archive', 'audit/tiers', 'audit/retention', 'audit/erasure'),
    {
      ASSAY_TEST_COLD_URL: cold.COLD_URL,
      ...ACCESS,
    },
  );
  run('archives in buckets with Object Lock', [process.execPath, 'tests/compat/archive.mjs'], {
    ...cold,
    PYTHON: pythonWith(CRYPTOGRAPHY, 'bin/python'),
  });
  run(
    'faults at every write of an archive to its buckets',
    [process.execPath, 'tests/compat/archive-faults.mjs'],
    cold,
  );
  run('a year, archived daily', [process.execPath, 'tests/compat/archive-year.mjs'], { YEAR_EVENTS: '100000' });
  run('a long verification in flat memory', [process.execPath, 'dist/bench/verify-memory.bench.js'], {
    BENCH_ENTRIES: '100000',
    MEMORY_LIMIT_MIB: '300',
  });
  run('durability under strace', [process.execPath, 'tests/compat/durability.mjs'], {});
} finally {
  for (const child of started.reverse()) {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
  await rm(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function run(name, [command, ...args], env) {
  console.log(`-- ${name}`);
  try {
    execFileSync(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, AWS_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...env },
    });
  } catch {
    failed = true;
    console.log(`-- ${name}: FAILED`);
  }
}

function jest(project, ...paths) {
  return [process.execPath, 'node_modules/jest/bin/jest.js', '--selectProjects', project, '--', ...paths];
}

function need(command) {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
  } catch {
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    execFileSync('apt-get', ['install', '-y', '-q', command], { stdio: 'ignore' });
  }
}

/** A file of an environment of Python that has this package. */
function pythonWith(requirement, file) {
  const venv = join(cache, requirement.replace('==', '-'));
  const installed = join(venv, 'installed');
  if (!existsSync(installed)) {
    execFileSync('python3', ['-m', 'venv', '--clear', venv], { stdio: 'inherit' });
    execFileSync(join(venv, 'bin/pip'), ['install', '--quiet', requirement], { stdio: 'inherit' });
    writeFileSync(installed, '');
  }
  return join(venv, file);
}

async function startSecantusDb() {
  const program = pythonWith(SECANTUSDB, 'bin/secantusd-py');
  const port = await freePort();
  const folder = join(scratch, 'secantusdb');
  await start(program, ['--port', String(port), '--storage-path', folder, '--sync-on-commit'], port);
  return `mongodb://127.0.0.1:${port}/`;
}

async function startVersitygw() {
  const program = execFileSync(join(root, 'infrastructure/scripts/versitygw.sh'), { encoding: 'utf8' }).trim();
  const port = await freePort();
  const folder = join(scratch, 'versitygw');
  const versions = join(scratch, 'versitygw-versions');
  await mkdir(folder);
  await mkdir(versions);
  const env = { ROOT_ACCESS_KEY: ACCESS.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: ACCESS.AWS_SECRET_ACCESS_KEY };
  const args = ['--port', `127.0.0.1:${port}`, 'posix', '--versioning-dir', versions, folder];
  await start(program, args, port, env);
  await createBucket(`http://127.0.0.1:${port}`, 'assay-test');
  for (const bucket of [ANCHOR_BUCKET, COLD_BUCKET, COPY_BUCKET]) {
    await createBucket(`http://127.0.0.1:${port}`, bucket);
  }
  return `s3://assay-test/tests?endpoint=http://127.0.0.1:${port}&region=us-east-1`;
}

async function createBucket(endpoint, bucket) {
  const { S3Client, CreateBucketCommand } = await import('@aws-sdk/client-s3');
  const credentials = { accessKeyId: ACCESS.AWS_ACCESS_KEY_ID, secretAccessKey: ACCESS.AWS_SECRET_ACCESS_KEY };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  client.destroy();
}

async function start(program, args, port, env = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (errors = (errors + text).slice(-4000)));
  started.push(child);
  while (child.exitCode === null) {
    if (await answers(port)) return;
    await sleep(100);
  }
  throw new Error(`${program} ended before it listened: ${errors}`);
}

function answers(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
