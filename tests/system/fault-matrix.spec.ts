import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { parseEvent } from '#libs/ledger';
import { wireCommand, WireProxy, type WireFault } from '#libs/testing';
import { ArchivedEntries } from '../../apps/server/src/audit/tiers/archived-entries.js';
import { LedgerInRoom } from '../../apps/server/src/audit/ledger-in-room.fixture.js';
import { startRoom, TENANT, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';

/** `killed before`: the process dies and the request is lost; `killed after`: it dies and the request arrives. */
type Fault = WireFault | 'killed before' | 'killed after';
const FAULTS: readonly Fault[] = ['lost', 'kept', 'late', 'killed before', 'killed after'];
const DONE: Record<Fault, WireFault> = {
  lost: 'lost',
  kept: 'kept',
  late: 'late',
  'killed before': 'lost',
  'killed after': 'kept',
};

/** The nth time that the scenario orders this of a collection. */
interface WritePoint {
  command: string;
  nth: number;
}

const WRITES = ['insert', 'update', 'delete', 'findAndModify'];
/** `all` in the long form; otherwise so many cases, others on each run. */
const CASES = process.env['FAULT_CASES'] ?? '2';
const SEED = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 1_000_000));

/**
 * Every write to the database of append, checkpoint, tile and archive × {request lost, reply lost, killed}, on the wire; then
 * restart, append, sign, verify. The points are what a run without faults orders: a new write is in the matrix by itself.
 */
describe('whatever happens to a write of the ledger', () => {
  it(
    `nothing acknowledged is missing, doubled or forked, and it verifies (FAULT_SEED=${SEED})`,
    async () => {
      const points = await writePoints();
      expect(points.map(({ command }) => command)).toEqual(
        expect.arrayContaining([
          ...['insert ledger_entries', 'insert ledger_checkpoints', 'insert archive_batches'],
          'delete ledger_entries',
        ]),
      );
      const cases = points.flatMap((point) => FAULTS.map((fault) => ({ point, fault })));
      for (const { point, fault } of chosen(cases)) {
        await afterFault(point, fault).catch((cause: unknown) => {
          throw new Error(`${point.command}, time ${point.nth}, ${fault}: ${(cause as Error).message}`, { cause });
        });
      }
    },
    CASES === 'all' ? 30 * 60_000 : 120_000,
  );
});

async function writePoints(): Promise<WritePoint[]> {
  return onEngine(async (engine, proxy) => {
    const points: WritePoint[] = [];
    const counts = counter();
    proxy.onRequest = (message) => {
      const point = counts(message);
      if (point) points.push(point);
    };
    const { code, errors } = await scenario(engine.dataDir, proxy.uri).ended;
    if (code !== 0) throw new Error(`the scenario ended with ${code}: ${errors()}`);
    return points;
  });
}

async function afterFault(point: WritePoint, fault: Fault): Promise<void> {
  await onEngine(async (engine, proxy) => {
    const counts = counter();
    const child = scenario(engine.dataDir, proxy.uri);
    const isPoint = (message: Buffer): boolean => {
      const seen = counts(message);
      const here = seen?.command === point.command && seen.nth === point.nth;
      if (here && fault.startsWith('killed')) child.process.kill('SIGKILL');
      return here;
    };
    proxy.failNext(isPoint, DONE[fault]);
    const { code, errors } = await child.ended;
    expect({ struck: proxy.struck, code, errors: code === 0 || code === null ? '' : errors() }).toEqual({
      struck: 1,
      code: fault.startsWith('killed') ? null : 0,
      errors: '',
    });
    await expectSound(engine, child.acknowledged());
  });
}

/** The one oracle: restart, append, sign, archive, and the product's own verification; then every acknowledgement in its place. */
async function expectSound(engine: AuditRoom, acknowledged: Map<string, number>): Promise<void> {
  const restarted = await startRoom({ dataDir: engine.dataDir, uri: engine.store.uri });
  try {
    await restarted.record(3, 1_000);
    const signed = await restarted.sign();
    expect(signed.state).toBe('signed');
    const ledger = new LedgerInRoom(restarted, TENANT);
    while ((await ledger.run()).eventCount > 0);
    expect((await restarted.sign()).state).not.toBe('contradicted');
    // A process that died early left less than a tile and the entry after it.
    const whole = signed.state !== 'contradicted' && signed.size > 256;
    const batches = await ledger.batches();
    expect(batches.map(({ startSeq, endSeq, state }) => ({ startSeq, endSeq, state }))).toEqual(
      whole ? [{ startSeq: 0, endSeq: 255, state: 'done' }] : [],
    );
    const hot = await restarted.stored();
    expect(hot[0]!.seq).toBe(whole ? 256 : 0);
    const archived = await restarted.module.get(ArchivedEntries).between(TENANT, { from: 0, to: 256, limit: 256 });
    const all = [...archived.map(({ bytes, seq }) => ({ event_id: parseEvent(bytes).id, seq })), ...hot];
    expect(new Set(all.map(({ event_id }) => event_id)).size).toBe(all.length);
    const seqs = new Map(all.map(({ event_id, seq }) => [event_id, seq]));
    expect([...acknowledged].filter(([id, seq]) => seqs.get(id) !== seq)).toEqual([]);
    const { tier, breaks, entries, unsealed } = await restarted.verify();
    expect({ tier, breaks, unsealed }).toEqual({ tier: 'consistent', breaks: [], unsealed: null });
    expect(entries).toEqual({ expected: seqs.size, found: seqs.size, verified: seqs.size });
  } finally {
    await restarted.close();
  }
}

async function onEngine<T>(work: (engine: AuditRoom, proxy: WireProxy) => Promise<T>): Promise<T> {
  const engine = await startRoom();
  const proxy = await WireProxy.before(engine.store.uri);
  try {
    return await work(engine, proxy);
  } finally {
    await proxy.close();
    await engine.remove();
  }
}

interface Scenario {
  process: ChildProcess;
  /** seq by event id, as the scenario was told. */
  acknowledged(): Map<string, number>;
  ended: Promise<{ code: number | null; errors: () => string }>;
}

function scenario(dataDir: string, uri: string): Scenario {
  const program = resolve(__dirname, 'fault-scenario.mjs');
  const child = spawn(process.execPath, [program, JSON.stringify({ dataDir, uri })], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  return {
    process: child,
    acknowledged: () =>
      new Map(
        text
          .split('\n')
          .slice(0, -1)
          .map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
      ),
    ended: once(child, 'close').then(() => ({ code: child.exitCode, errors: () => errors })),
  };
}

/** Which write this message is, counted from the first; undefined for a read. */
function counter(): (message: Buffer) => WritePoint | undefined {
  const seen = new Map<string, number>();
  return (message) => {
    const order = wireCommand(message);
    if (order === undefined || !WRITES.includes(order.name)) return undefined;
    const command = `${order.name} ${order.collection}`;
    const nth = (seen.get(command) ?? 0) + 1;
    seen.set(command, nth);
    return { command, nth };
  };
}

/** Some of the cases, by a seeded shuffle (mulberry32), or all. */
function chosen<T>(cases: readonly T[]): readonly T[] {
  if (CASES === 'all') return cases;
  let state = SEED;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return [...cases]
    .map((one) => ({ one, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, Number(CASES))
    .map(({ one }) => one);
}
