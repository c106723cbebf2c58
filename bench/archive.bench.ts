import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CommandBus } from '@nestjs/cqrs';
import { archivedEntries, batchKeys, batchLines, packedBatch, unpackedBatch } from '#libs/archive';
import { genesisHash, hexOf, type StoredEntry } from '#libs/ledger';
import { OpenBatch } from '../apps/server/src/audit/tiers/open-batch.js';
import { ArchiveRun } from '../apps/server/src/audit/archive/archive-run.js';
import { TENANT } from '../apps/server/src/audit/audit-room.fixture.js';
import { RecordEvents } from '../apps/server/src/audit/commands/record-events.command.js';
import { RestoreArchive } from '../apps/server/src/audit/commands/restore-archive.command.js';
import { SealEvents } from '../apps/server/src/audit/commands/seal-events.command.js';
import { ArchiveVerification } from '../apps/server/src/audit/verification/archive-verification.js';
import { benchDraft, inRoom, median, rounded, type BenchRoom } from './ledger-fixture.js';

export interface ArchiveFigure {
  entries: number;
  /** Of the lines, uncompressed. */
  bytes: number;
  stored_bytes: number;
  steps: ArchiveStep[];
}

export interface ArchiveStep {
  step: string;
  per_second: number;
  mb_per_second: number;
  /** To gzip, or gunzip, and SHA-256 of the same bytes in the same run. */
  ratio: number;
  /** Of all threads of this process, the engine's too, for one entry; of the product alone. */
  cpu_us?: number;
}

/** How long something took, in seconds. */
interface Taken {
  wall: number;
  cpu?: number;
}

type Work = () => unknown;
type Ours = 'archive' | 'verify' | 'restore';

const ORIGIN = `assay.test/ledger/${TENANT}`;
const ROUNDS = 5;
const FILL = 1_000;
const LEAVES_A_TILE = 256;
/** A tile less than the most that a batch may hold. */
const BATCH = 65_280;
const IN_91_DAYS_MS = 91 * 86_400_000;

/**
 * Archiving, verifying in place and restoring one batch: what the bytes alone take, and the product's own way out of the
 * store and back, against bare gzip (gunzip for the way back) and SHA-256 of the same bytes.
 */
export async function archiveFigure(asked = Number(process.env['BENCH_ENTRIES'] ?? BATCH)): Promise<ArchiveFigure> {
  const entries = Math.min(asked, BATCH) - (Math.min(asked, BATCH) % LEAVES_A_TILE);
  return inRoom(async (bench) => {
    await filled(bench, entries + 1); // the newest entry stays hot
    const stored = (await bench.room.stored()).slice(0, entries);
    const lines = batchLines(stored.map(({ bytes }) => bytes));
    const { stored: object } = await packedBatch(lines);
    const bare = {
      in: () => sha256(gzipSync(lines)) + sha256(lines),
      out: () => sha256(object) + sha256(gunzipSync(object)),
    };
    const pure = await inTurns({ ...bare, ...(await byteWork(stored, lines)) });
    const whole = await productTimes(bench, bare);
    const steps = [...stepsOf(pure, 'bytes alone'), ...stepsOf(whole, 'product')].map(({ wall, cpu, ...step }) => ({
      ...step,
      per_second: Math.round(entries / wall),
      mb_per_second: rounded(lines.length / 1e6 / wall),
      ...(cpu !== undefined && { cpu_us: rounded((cpu / entries) * 1e6) }),
    }));
    return { entries, bytes: lines.length, stored_bytes: object.length, steps };
  });
}

async function filled(bench: BenchRoom, entries: number): Promise<void> {
  for (let done = 0; done < entries; done += FILL) {
    const drafts = Array.from({ length: Math.min(FILL, entries - done) }, (_, i) => benchDraft(TENANT, done + i));
    await bench.record.execute(new RecordEvents(TENANT, await bench.seal.execute(new SealEvents(drafts))));
  }
  await bench.room.sign();
}

/** What libs/archive does, from bytes to bytes. */
async function byteWork(stored: readonly StoredEntry[], lines: Buffer): Promise<Record<Ours, Work>> {
  const { stored: object, ...packed } = await packedBatch(lines);
  const range = { tenant: TENANT, startSeq: 0, endSeq: stored.length - 1, eventCount: stored.length };
  const { jsonlKey: key } = batchKeys({ ...range, archivedAt: new Date(), sha256: packed.sha256 });
  const jsonl = { key, ...packed };
  const bytes = stored.map((entry) => entry.bytes);
  const previousChainHash = hexOf(genesisHash(ORIGIN));
  const endChainHash = hexOf((stored.at(-1) as StoredEntry).chain_hash);
  const chain = { ...range, previousChainHash, endChainHash };
  return {
    archive: () => packedBatch(batchLines(bytes)),
    verify: async () => OpenBatch.of(chain, await unpackedBatch(object, jsonl)),
    restore: async () => [...archivedEntries(await unpackedBatch(object, jsonl), chain)].length,
  };
}

/**
 * The run out of the store, the verification where the batch lies, and the restoration into the store, once each. The
 * thread that verifies is there before: it is started once in a while, and that takes longer than a small batch.
 */
async function productTimes(
  bench: BenchRoom,
  bare: Record<'in' | 'out', Work>,
): Promise<Record<'in' | 'out' | Ours, Taken>> {
  const { module } = bench.room;
  const times = await inTurns(bare);
  const ids: string[] = [];
  const archive = await takenBy(async () => {
    const { batchId } = await module.get(ArchiveRun).runOnce(TENANT, new Date(Date.now() + IN_91_DAYS_MS));
    if (batchId !== null) ids.push(batchId);
  });
  const [id] = ids;
  if (id === undefined) throw new Error('expected a batch, and nothing was archived');
  const verified = async (): Promise<void> => {
    const { tier, batches } = await module.get(ArchiveVerification).verify(TENANT, id);
    if (tier === 'broken' || batches.verified !== 1) throw new Error(`expected one whole batch, found ${tier}`);
  };
  await verified();
  const verify = await takenBy(verified);
  const requester = { tenant: TENANT, actor: { type: 'operator' as const, id: 'bench' } };
  const restore = await takenBy(() => module.get(CommandBus).execute(new RestoreArchive(TENANT, id, 1, requester)));
  return { ...times, archive, verify, restore };
}

/** The median of the rounds of each, one after the other in every round; the first round warms up. */
async function inTurns<Name extends string>(work: Record<Name, Work>): Promise<Record<Name, Taken>> {
  const names = Object.keys(work) as Name[];
  const times = new Map(names.map((name): [Name, number[]] => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const name of names) {
      const { wall } = await takenBy(work[name]);
      if (round >= 0) times.get(name)!.push(wall);
    }
  }
  const taken = [...times].map(([name, measured]) => [name, { wall: median(measured) }]);
  return Object.fromEntries(taken) as Record<Name, Taken>;
}

function stepsOf(
  { in: bareIn, out: bareOut, ...ours }: Record<'in' | 'out' | Ours, Taken>,
  how: string,
): (Taken & { step: string; ratio: number })[] {
  return [
    { step: `gzip and SHA-256`, ...bareIn, ratio: 1 },
    { step: `gunzip and SHA-256`, ...bareOut, ratio: 1 },
    ...Object.entries(ours).map(([name, taken]) => {
      const against = name === 'archive' ? bareIn : bareOut;
      return { step: `${name}, ${how}`, ...taken, ratio: rounded(against.wall / taken.wall) };
    }),
  ];
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function takenBy(work: Work): Promise<Required<Taken>> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - began) / 1_000, cpu: (user + system) / 1e6 };
}
