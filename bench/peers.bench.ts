import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appendRate, SealedPool } from './append.bench.js';
import { fdatasyncRate, inRoom, median, rounded, type BenchRoom } from './ledger-fixture.js';

/** The peers' events are random bytes of this size; ours are events of 400 to 410 canonical bytes. */
const EVENT_BYTES = 400;
const CALLERS = [1, 64, 1_000];
const ROUNDS = 5;
const ROUND_MS = Number(process.env['BENCH_ROUND_MS'] ?? 1_500);

interface Peer {
  name: string;
  /** How long a commit may wait for others: what it is delivered with first, then what may suit it better. */
  gather: string[];
}

const PEERS: Peer[] = [
  { name: 'immudb', gather: ['20ms', '0', '1ms', '4ms'] },
  { name: 'tessera', gather: ['250ms', '500us', '1ms', '5ms'] },
];

export interface PeersFigure {
  callers: number;
  /** Medians of the rounds, and what the disk did just before each: the systems take turns in one run. */
  systems: { name: string; gather: string | null; appends_per_second: number; fdatasyncs_per_second: number }[];
  /** Ours against the fastest of the others, each with the setting that suited it best; the median of the rounds. */
  ratio: number;
}

interface System {
  name: string;
  gather: string | null;
  run(ms: number): Promise<number>;
}

/**
 * Acknowledged, durable appends a second of the systems that are built for nothing else, on the same disk in the same
 * run. Resolves with undefined, and says so, when there is no `go` to build them with.
 */
export async function peersFigures(): Promise<PeersFigure[] | undefined> {
  if (spawnSync('go', ['version']).error) {
    console.log('peers   skipped: there is no go to build them with');
    return undefined;
  }
  for (const { name } of PEERS) built(name);
  const figures: PeersFigure[] = [];
  for (const callers of CALLERS) figures.push(await inRoom((room, folder) => figureOf(room, folder, callers)));
  return figures;
}

async function figureOf(room: BenchRoom, folder: string, callers: number): Promise<PeersFigure> {
  const pool = new SealedPool(room);
  const ours: System = { name: 'assay', gather: null, run: (ms) => appendRate(room, pool, callers, ms) };
  await ours.run(ROUND_MS / 2); // warms up
  const delivered = PEERS.map(({ name, gather }) => peerWith(name, gather[0]!, folder, callers));
  const suited: System[] = [];
  for (const peer of PEERS) suited.push(await bestOf(peer, folder, callers));
  const systems = [
    ours,
    ...suited,
    ...delivered.filter(({ name, gather }) => !suited.some((each) => each.name === name && each.gather === gather)),
  ];
  const rounds: { rate: number; syncs: number }[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const rates: { rate: number; syncs: number }[] = [];
    for (const system of systems) {
      const syncs = fdatasyncRate(folder, 200);
      rates.push({ rate: await system.run(ROUND_MS), syncs });
    }
    rounds.push(rates);
  }
  return {
    callers,
    systems: systems.map(({ name, gather }, at) => ({
      name,
      gather,
      appends_per_second: Math.round(median(rounds.map((rates) => rates[at]!.rate))),
      fdatasyncs_per_second: Math.round(median(rounds.map((rates) => rates[at]!.syncs))),
    })),
    ratio: rounded(
      median(rounds.map(([first, ...others]) => first!.rate / Math.max(...others.map(({ rate }) => rate)))),
    ),
  };
}

/** The setting with which the peer is fastest at this concurrency, by one run of each. */
async function bestOf({ name, gather }: Peer, folder: string, callers: number): Promise<System> {
  const tried: { system: System; rate: number }[] = [];
  for (const each of gather) {
    const system = peerWith(name, each, folder, callers);
    tried.push({ system, rate: await system.run(ROUND_MS / 2) });
  }
  return tried.sort((a, b) => b.rate - a.rate)[0]!.system;
}

function peerWith(name: string, gather: string, folder: string, callers: number): System {
  const run = (ms: number): Promise<number> => {
    const options = { dir: join(folder, name), callers, bytes: EVENT_BYTES, gather, duration: `${Math.round(ms)}ms` };
    const args = Object.entries(options).flatMap(([option, value]) => [`-${option}`, String(value)]);
    const printed = execFileSync(program(name), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const { appends, seconds } = JSON.parse(printed) as { appends: number; seconds: number };
    return Promise.resolve(appends / seconds);
  };
  return { name, gather, run };
}

function built(name: string): void {
  mkdirSync(join(program(name), '..'), { recursive: true });
  execFileSync('go', ['build', '-o', program(name), '.'], { cwd: sourceOf(name), stdio: 'inherit' });
}

function program(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'assay', 'peers', name);
}

/** Beside this file's source, whose build is in `dist`. */
function sourceOf(name: string): string {
  const folder = fileURLToPath(new URL(`../../bench/peers/${name}`, import.meta.url));
  if (!existsSync(folder)) throw new Error(`expected the peer's program in ${folder}`);
  return folder;
}
