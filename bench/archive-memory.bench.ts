import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type RunningServer } from '#libs/testing';
import { writeLongLedger } from '../apps/server/src/audit/long-ledger.fixture.js';
import { anonymousMib, asked, peakDuring, seconds, verifiedLedger } from './watched-server.js';

// Archives a long ledger, a batch an order, verifies it where it lies and restores a batch, each as a caller would with
// requests to a server of its own, and watches that server's memory.
//   npm run build && BENCH_ENTRIES=5000000 node dist/bench/archive-memory.bench.js
// Prints the entries a second and the peak of anonymous memory of each. With MEMORY_LIMIT_MIB the process fails when one
// is above it.

const A_YEAR_MS = 365 * 86_400_000;

const entries = Number(process.env['BENCH_ENTRIES'] ?? 100_000);
const limit = Number(process.env['MEMORY_LIMIT_MIB'] ?? Infinity);
const dataDir = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'assay-test-'));
const figures: Record<string, number> = {};
try {
  const filling = performance.now();
  await writeLongLedger({ dataDir, tenant: 'default', entries, signedAt: new Date(Date.now() - A_YEAR_MS) });
  console.log(`filled   ${entries} entries in ${seconds(performance.now() - filling)} s`);
  const server = await startServer({ dataDir, embedded: true });
  try {
    figures['idle_mib'] = anonymousMib(server.pid);
    const archived = await step(server, 'archive', () => archivedAll(server));
    await step(server, 'verify', async () => {
      const { batches, entries: found } = await verifiedLedger(server, entries);
      if (batches.verified !== archived.batches) throw new Error(`expected ${archived.batches} batches verified`);
      return { entries: found.verified };
    });
    await step(server, 'restore', () => restoredOne(server));
  } finally {
    await server.stop();
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
console.log(JSON.stringify({ node: process.version, cpus: cpus().length, archive_memory: { entries, ...figures } }));
const most = Math.max(...Object.entries(figures).map(([name, value]) => (name.endsWith('_mib') ? value : 0)));
if (most > limit) throw new Error(`expected at most ${limit} MiB of anonymous memory, found ${most}`);

async function step<T extends { entries: number }>(
  server: RunningServer,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const { result, peak } = await peakDuring(server.pid, work);
  const took = performance.now() - began;
  figures[`${name}_per_second`] = Math.round(result.entries / (took / 1_000));
  figures[`${name}_mib`] = peak;
  console.log(
    `${name.padEnd(8)} ${result.entries} entries in ${seconds(took)} s, ` +
      `${figures[`${name}_per_second`]!.toLocaleString('en-US')}/s  anonymous memory ${peak} MiB at most`,
  );
  return result;
}

/** Orders runs until one finds nothing that may be archived. */
async function archivedAll(server: RunningServer): Promise<{ entries: number; batches: number }> {
  const moved = { entries: 0, batches: 0 };
  for (;;) {
    const { eventCount } = (await asked(server, '/archive/run', { override: true })) as { eventCount: number };
    if (eventCount === 0) return moved;
    moved.entries += eventCount;
    moved.batches += 1;
  }
}

async function restoredOne(server: RunningServer): Promise<{ entries: number }> {
  const { archives } = (await asked(server, '/archives?limit=1')) as { archives: { id: string }[] };
  const restored = await asked(server, `/archives/${archives[0]!.id}/restore`, { days: 1 });
  return { entries: (restored as { eventCount: number }).eventCount };
}
