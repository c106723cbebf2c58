import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type RunningServer } from '#libs/testing';
import { writeLongLedger } from '../apps/server/src/audit/long-ledger.fixture.js';
import { anonymousMib, peakDuring, seconds, verifiedLedger } from './watched-server.js';

// Verifies a long ledger as a caller would, with a POST to a server of its own, and watches that server's memory.
//   npm run build && BENCH_ENTRIES=10000000 node dist/bench/verify-memory.bench.js
// Prints the entries verified a second and the peak of anonymous memory: what LMDB maps from its file does not count.
// With MEMORY_LIMIT_MIB the process fails when the peak is above it.

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
  const { result: report, peak } = await peakDuring(server.pid, () => verifiedLedger(server, entries));
  const perSecond = Math.round(report.entries.verified / (report.duration_ms / 1_000));
  console.log(
    `verify  ${report.entries.verified} entries in ${seconds(report.duration_ms)} s, ${perSecond.toLocaleString('en-US')}/s  ` +
      `anonymous memory ${idle} MiB idle, ${peak} MiB at most`,
  );
  const figure = { entries, per_second: perSecond, idle_mib: idle, peak_mib: peak };
  console.log(JSON.stringify({ node: process.version, cpus: cpus().length, verify_memory: figure }));
  if (peak > limit) throw new Error(`expected at most ${limit} MiB of anonymous memory, found ${peak}`);
}
