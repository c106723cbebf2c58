import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type RunningServer } from '#libs/testing';
import { writeLongLedger } from '../apps/server/src/audit/long-ledger.fixture.js';

// Verifies a long ledger as a caller would, with a POST to a server of its own, and watches that server's memory.
//   npm run build && BENCH_ENTRIES=10000000 node dist/bench/verify-memory.bench.js
// Prints the entries verified a second and the peak of anonymous memory: what LMDB maps from its file does not count.
// With MEMORY_LIMIT_MIB the process fails when the peak is above it.

const LOOK_EVERY_MS = 200;
const MIB = 1024;

interface Verified {
  state: string;
  report?: { tier: string; entries: { expected: number; verified: number }; breaks_total: number; duration_ms: number };
}

const entries = Number(process.env['BENCH_ENTRIES'] ?? 100_000);
const limit = Number(process.env['MEMORY_LIMIT_MIB'] ?? Infinity);
const dataDir = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'assay-test-'));
try {
  const filling = performance.now();
  await writeLongLedger({ dataDir, tenant: 'default', entries });
  console.log(`filled  ${entries} entries in ${seconds(performance.now() - filling)} s`);
  const server = await startServer({ dataDir, embedded: true });
  try {
    await measured(server);
  } finally {
    await server.stop();
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

async function measured(server: RunningServer): Promise<void> {
  const idle = anonymousMib(server.pid);
  let peak = idle;
  const id = ((await asked(server, '/verifications', { method: 'POST' })) as { id: string }).id;
  let verified: Verified;
  do {
    await sleep(LOOK_EVERY_MS);
    peak = Math.max(peak, anonymousMib(server.pid));
    verified = (await asked(server, `/verifications/${id}`)) as Verified;
  } while (verified.state === 'queued' || verified.state === 'running');
  const { report } = verified;
  if (report?.tier !== 'consistent' || report.entries.verified < entries) {
    throw new Error(`expected ${entries} entries verified, found ${JSON.stringify(verified).slice(0, 2_000)}`);
  }
  const perSecond = Math.round(report.entries.verified / (report.duration_ms / 1_000));
  console.log(
    `verify  ${report.entries.verified} entries in ${seconds(report.duration_ms)} s, ${perSecond.toLocaleString('en-US')}/s  ` +
      `anonymous memory ${idle} MiB idle, ${peak} MiB at most`,
  );
  const figure = { entries, per_second: perSecond, idle_mib: idle, peak_mib: peak };
  console.log(JSON.stringify({ node: process.version, cpus: cpus().length, verify_memory: figure }));
  if (peak > limit) throw new Error(`expected at most ${limit} MiB of anonymous memory, found ${peak}`);
}

async function asked({ url, apiKey }: RunningServer, path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const body = init.method === 'POST' ? '{}' : null;
  const answer = await fetch(`${url}/api/v1/audit${path}`, { ...init, headers, body });
  if (!answer.ok) throw new Error(`expected 2xx, found ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** Heaps, stacks and buffers; file-backed pages, as those of a database that is mapped, are not in it. */
function anonymousMib(pid: number): number {
  const [, kib] = /^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Math.round(Number(kib) / MIB);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
