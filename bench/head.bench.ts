import { rmSync } from 'node:fs';
import { MongoStore } from '#libs/mongo';
import { writeLongLedger } from '../apps/server/src/audit/long-ledger.fixture.js';
import { LedgerEntries } from '../apps/server/src/audit/storage/ledger-entries.store.js';
import { benchFolder, median } from './ledger-fixture.js';

export interface HeadFigure {
  entries: number;
  /** Of one load of the newest entry, the median, microseconds. */
  head_us: number;
  /** Keys and documents that the embedded engine looked at for one load. */
  examined: number;
}

const LOADS = 500;
const TENANT = 'bench';

/** What loading the head of a ledger costs at these lengths, on the embedded engine. */
export async function headFigures(
  lengths = [1_000, Number(process.env['BENCH_HEAD'] ?? 100_000)],
): Promise<HeadFigure[]> {
  const figures: HeadFigure[] = [];
  for (const entries of lengths) figures.push(await headFigure(entries));
  return figures;
}

async function headFigure(entries: number): Promise<HeadFigure> {
  const dataDir = benchFolder();
  try {
    await writeLongLedger({ dataDir, tenant: TENANT, entries });
    const store = await MongoStore.open({ dataDir });
    try {
      const ledger = new LedgerEntries(store);
      const took: number[] = [];
      const before = await examinedBy(store);
      for (let load = 0; load < LOADS; load++) {
        const started = performance.now();
        const head = await ledger.head(TENANT);
        took.push((performance.now() - started) * 1_000);
        if (head?.seq !== entries - 1) throw new Error(`expected seq ${entries - 1}, found ${head?.seq}`);
      }
      const examined = ((await examinedBy(store)) - before) / LOADS;
      return { entries, head_us: Math.round(median(took)), examined };
    } finally {
      await store.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function examinedBy(store: MongoStore): Promise<number> {
  const { metrics } = (await store.connection.getClient().db('admin').command({ serverStatus: 1 })) as {
    metrics: { queryExecutor: { scanned: number; scannedObjects: number } };
  };
  return metrics.queryExecutor.scanned + metrics.queryExecutor.scannedObjects;
}
