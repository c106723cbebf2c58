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
  /** Options of its program: what its makers deliver first, then what may suit it better. */
  settings: Record<string, string>[];
}

const PEERS: Peer[] = [
  { name: 'immudb', settings: [{ gather: '20ms' }, { gather: '0' }, { gather: '1ms' }, { gather: '4ms' }] },
  {
    name: 'tessera',
    settings: [{ gather: '250ms', batch: '256' }, { gather: '1ms' }, { gather: '5ms' }, { gather: '250ms' }],
  },
];

export interface PeersFigure {
  callers: number;
  /** Medians of the rounds, and what the disk did just before each: the systems take turns in one run. */
  systems: { name: string; setting: string; appends_per_second: number; fdatasyncs_per_second: number }[];
  /** Ours against the fastest of the others, each with the setting that suited it best; the median of the rounds. */
  ratio: number;
}

interface System {
  name: string;
  setting: string;
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
  const ours: System = { name: 'assay', setting: '', run: (ms) => appendRate(room, pool, callers, ms) };
  await ours.run(ROUND_MS / 2); // warms up
  const systems = [ours];
  for (const { name, settings } of PEERS) {
    const [delivered, ...others] = settings.map((setting) => peerWith(name, setting, folder, callers));
    const best = await fastest([delivered!, ...others]);
    systems.push(...new Set([delivered!, best]));
  }
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
    systems: systems.map(({ name, setting }, at) => ({
      name,
      setting,
      appends_per_second: Math.round(median(rounds.map((rates) => rates[at]!.rate))),
      fdatasyncs_per_second: Math.round(median(rounds.map((rates) => rates[at]!.syncs))),
    })),
    ratio: rounded(
      median(rounds.map(([first, ...others]) => first!.rate / Math.max(...others.map(({ rate }) => rate)))),
    ),
  };
}

/** By one run of each. */
async function fastest(systems: readonly System[]): Promise<System> {
  const tried: { system: System; rate: number }[] = [];
  for (const system of systems) tried.push({ system, rate: await system.run(ROUND_MS / 2) });
  return tried.sort((a, b) => b.rate - a.rate)[0]!.system;
}

function peerWith(name: string, setting: Record<string, string>, folder: string, callers: number): System {
  const run = (ms: number): Promise<number> => {
    const options = {
      dir: join(folder, name),
      callers,
      bytes: EVENT_BYTES,
      duration: `${Math.round(ms)}ms`,
      ...setting,
    };
    const args = Object.entries(options).flatMap(([option, value]) => [`-${option}`, String(value)]);
    const printed = execFileSync(program(name), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const { appends, seconds } = JSON.parse(printed) as { appends: number; seconds: number };
    return Promise.resolve(appends / seconds);
  };
  return { name, setting: new URLSearchParams(setting).toString(), run };
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
