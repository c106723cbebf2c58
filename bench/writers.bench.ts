import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LedgerVerifier, type StoredEntry } from '#libs/ledger';
import { MongoStore } from '#libs/mongo';
import { benchFolder, median, rounded } from './ledger-fixture.js';
import type { WriterNews, WriterOrder, WriterRun, WriterStart } from './writers.process.js';

export interface WritersFigure {
  processes: number;
  callers: number;
  tenants: number;
  /** Acknowledged a second by all of them, from the first entry on; the median of the rounds. */
  together_per_second: number;
  /** The same of the first process alone, in the same run. */
  alone_per_second: number;
  ratio: number;
  /** Of the total, by process, the smallest of each round. */
  least_share: number;
  shares: number[][];
  p99_ms: number;
  max_ms: number;
  /** Of one process alone. */
  alone_p99_ms: number;
  failures: number;
  entries: number;
}

const PROCESSES = 4;
const CALLERS = 64;
const ROUNDS = 3;
const ROUND_MS = Number(process.env['BENCH_ROUND_MS'] ?? 3_000);

interface Writer {
  child: ChildProcess;
  uri: string;
}

/**
 * Several processes on the same ledgers, from empty ones: on the embedded engine, which the first of them holds and
 * whose wire the others speak, or on the server that MONGODB_URI names. Rejects when the product's own verifier finds
 * a break, or a tenant holds another number of entries than were acknowledged.
 */
export async function writersFigure(tenantCount: number): Promise<WritersFigure> {
  const folder = benchFolder();
  const tenants = tenantsNamed('together', tenantCount);
  // Of its own, so that it is one that has met no other writer.
  const tenantsOfOne = tenantsNamed('alone', tenantCount);
  const writers: Writer[] = [];
  try {
    let uri = externalUri(folder);
    for (let number = 0; number < PROCESSES; number++) {
      const writer = await started({ dataDir: join(folder, String(number)), callers: CALLERS, ...(uri && { uri }) });
      writers.push(writer);
      uri = writer.uri;
    }
    const together: WriterRun[][] = [];
    const alone: WriterRun[] = [];
    // A fresh process compiles its code under the first few thousand events: not what is measured.
    const warmedUp = [
      ...(await Promise.all(writers.map((writer) => ran(writer, tenants)))),
      await ran(writers[0]!, tenantsOfOne),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      together.push(await Promise.all(writers.map((writer) => ran(writer, tenants))));
      alone.push(await ran(writers[0]!, tenantsOfOne));
    }
    const entries = await verified(uri!, [...warmedUp, ...together.flat(), ...alone], [...tenants, ...tenantsOfOne]);
    return figureOf(together, alone, tenantCount, entries);
  } finally {
    for (const writer of writers.reverse()) await closed(writer);
    rmSync(folder, { recursive: true, force: true });
  }
}

function figureOf(together: WriterRun[][], alone: WriterRun[], tenants: number, entries: number): WritersFigure {
  const seconds = ROUND_MS / 1_000;
  const runs = together.flat();
  const shares = together.map((round) => {
    const all = round.reduce((sum, run) => sum + total(run), 0);
    return round.map((run) => rounded(total(run) / all));
  });
  const rates = together.map((round) => round.reduce((sum, run) => sum + total(run), 0) / seconds);
  const aloneRates = alone.map((run) => total(run) / seconds);
  return {
    processes: PROCESSES,
    callers: CALLERS,
    tenants,
    together_per_second: Math.round(median(rates)),
    alone_per_second: Math.round(median(aloneRates)),
    ratio: rounded(median(rates.map((rate, round) => rate / aloneRates[round]!))),
    least_share: Math.min(...shares.flat()),
    shares,
    p99_ms: Math.max(...runs.map(({ p99_ms }) => p99_ms)),
    max_ms: Math.max(...runs.map(({ max_ms }) => max_ms)),
    alone_p99_ms: Math.max(...alone.map(({ p99_ms }) => p99_ms)),
    failures: [...runs, ...alone].reduce((sum, { failures }) => sum + failures.length, 0),
    entries,
  };
}

const tenantsNamed = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${name}-${number}`);

const total = ({ acknowledged }: WriterRun): number => Object.values(acknowledged).reduce((sum, each) => sum + each, 0);

async function started(start: WriterStart): Promise<Writer> {
  mkdirSync(start.dataDir, { recursive: true });
  const child = fork(fileURLToPath(new URL('writers.process.js', import.meta.url)), [JSON.stringify(start)]);
  const news = await newsOf(child);
  if (!('ready' in news)) throw new Error('expected a writer that is ready');
  return { child, uri: news.ready };
}

async function ran({ child }: Writer, tenants: string[]): Promise<WriterRun> {
  order(child, { ms: ROUND_MS, tenants });
  const news = await newsOf(child);
  if (!('ran' in news)) throw new Error('expected a writer that ran');
  return news.ran;
}

async function closed({ child }: Writer): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  order(child, 'close');
  await once(child, 'exit');
}

const order = (child: ChildProcess, what: WriterOrder): boolean => child.send(what);

async function newsOf(child: ChildProcess): Promise<WriterNews> {
  const news = await Promise.race([
    once(child, 'message').then(([message]) => message as WriterNews),
    once(child, 'exit').then(([code]) => new Error(`a writer ended with ${String(code)}`)),
  ]);
  if (news instanceof Error) throw news;
  return news;
}

/** How many entries there are; the oracle is the product's own verifier. */
async function verified(uri: string, runs: readonly WriterRun[], tenants: readonly string[]): Promise<number> {
  const store = await MongoStore.open({ uri, dataDir: '' });
  let count = 0;
  try {
    for (const tenant of tenants) {
      const acknowledged = runs.reduce((sum, run) => sum + (run.acknowledged[tenant] ?? 0), 0);
      const found = await verifiedOf(store, tenant);
      if (found !== acknowledged && runs.every(({ failures }) => failures.length === 0)) {
        throw new Error(`${tenant}: ${acknowledged} entries are acknowledged, ${found} are there`);
      }
      count += found;
    }
  } finally {
    await store.close();
  }
  return count;
}

async function verifiedOf(store: MongoStore, tenant: string): Promise<number> {
  const verifier = new LedgerVerifier({
    tenant,
    origin: `assay.test/ledger/${tenant}`,
    keys: { verifierKeys: [], pinned: false },
  });
  const ids = new Set<string>();
  const entries = store.collection<StoredEntry>('ledger_entries').find({ tenant }, { promoteBuffers: true });
  for await (const entry of entries.sort({ seq: 1 })) {
    verifier.entry(entry);
    ids.add(entry.event_id);
  }
  const { breaks, entries: counted } = verifier.finish();
  if (breaks.length > 0) throw new Error(`${tenant}: ${JSON.stringify(breaks.slice(0, 3))}`);
  if (counted.found !== ids.size) throw new Error(`${tenant}: ${counted.found} entries, ${ids.size} events`);
  return ids.size;
}

function externalUri(folder: string): string | undefined {
  if (!process.env['MONGODB_URI']) return undefined;
  const uri = new URL(process.env['MONGODB_URI']);
  uri.pathname = `/${basename(folder).replace(/[^A-Za-z0-9]/g, '')}`;
  return uri.toString();
}
