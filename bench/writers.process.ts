import { startRoom } from '../apps/server/src/audit/audit-room.fixture.js';
import { RecordEvents } from '../apps/server/src/audit/commands/record-events.command.js';
import { SealEvents } from '../apps/server/src/audit/commands/seal-events.command.js';
import { benchDraft, partsOf, quantile, rounded, type BenchRoom } from './ledger-fixture.js';

// One writer of the many: a process with a room of its own. Told by messages when to start and when to close.

/** How it is started, as JSON in its first argument. Without `uri` it holds the embedded engine of `dataDir`. */
export interface WriterStart {
  dataDir: string;
  uri?: string;
  callers: number;
}

export interface WriterRound {
  ms: number;
  tenants: string[];
}

export type WriterOrder = WriterRound | 'close';

export type WriterNews = { ready: string } | { ran: WriterRun };

export interface WriterRun {
  /** By tenant. */
  acknowledged: Record<string, number>;
  failures: string[];
  /** From the call to the acknowledgement, milliseconds. */
  p99_ms: number;
  max_ms: number;
}

const { dataDir, uri, callers } = JSON.parse(process.argv[2]!) as WriterStart;
const room = await startRoom({ dataDir, ...(uri !== undefined && { uri }) });
const parts = partsOf(room);

process.on('message', (order: WriterOrder) => {
  if (order === 'close') void room.close().then(() => process.disconnect());
  else void run(parts, order).then((ran) => tell({ ran }));
});
tell({ ready: room.store.uri });

function tell(news: WriterNews): void {
  process.send!(news);
}

/** Each caller seals an event and waits for its acknowledgement, then takes the next tenant. */
async function run({ seal, record }: BenchRoom, { ms, tenants }: WriterRound): Promise<WriterRun> {
  const until = performance.now() + ms;
  const took: number[] = [];
  const failures: string[] = [];
  const acknowledged: Record<string, number> = {};
  const caller = async (_: unknown, number: number): Promise<void> => {
    for (let step = number; performance.now() < until; step++) {
      const tenant = tenants[step % tenants.length]!;
      const sealed = await seal.execute(new SealEvents([benchDraft(tenant, step)]));
      const started = performance.now();
      try {
        await record.execute(new RecordEvents(tenant, sealed));
        acknowledged[tenant] = (acknowledged[tenant] ?? 0) + 1;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      took.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { acknowledged, failures, p99_ms: rounded(quantile(took, 0.99)), max_ms: rounded(quantile(took, 1)) };
}
