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
}

type Work = () => unknown;

const ORIGIN = `assay.test/ledger/${TENANT}`;
const ROUNDS = 5;
const FILL = 1_000;
const LEAVES_A_TILE = 256;
const MOST = 65_536;
const IN_91_DAYS_MS = 91 * 86_400_000;

/**
 * Archiving, verifying in place and restoring one batch: what the bytes alone take, and the product's own way out of the
 * store and back, against bare gzip (gunzip for the way back) and SHA-256 of the same bytes.
 */
export async function archiveFigure(asked = Number(process.env['BENCH_ENTRIES'] ?? 20_000)): Promise<ArchiveFigure> {
  const entries = Math.min(asked, MOST) - (Math.min(asked, MOST) % LEAVES_A_TILE);
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
    const steps = [...stepsOf(pure, 'bytes alone'), ...stepsOf(whole, 'product')].map(({ seconds, ...step }) => ({
      ...step,
      per_second: Math.round(entries / seconds),
      mb_per_second: rounded(lines.length / 1e6 / seconds),
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
async function byteWork(stored: readonly StoredEntry[], lines: Buffer): Promise<Record<string, Work>> {
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
    restore: async () => [...archivedEntries(await unpackedBatch(object, jsonl), chain)],
  };
}

/** The run out of the store, the verification where the batch lies, and the restoration into the store, once each. */
async function productTimes(bench: BenchRoom, bare: Record<'in' | 'out', Work>): Promise<Record<string, number>> {
  const { module } = bench.room;
  const times = await inTurns(bare);
  const run = module.get(ArchiveRun);
  const began = performance.now();
  const { batchId, eventCount } = await run.runOnce(TENANT, new Date(Date.now() + IN_91_DAYS_MS));
  const archive = secondsSince(began);
  if (batchId === null) throw new Error(`expected a batch, found ${eventCount} entries`);
  const verification = module.get(ArchiveVerification);
  const verify = await secondsOf(async () => {
    const { tier, batches } = await verification.verify(TENANT, batchId);
    if (tier === 'broken' || batches.verified !== 1) throw new Error(`expected one whole batch, found ${tier}`);
  });
  const requester = { tenant: TENANT, actor: { type: 'operator' as const, id: 'bench' } };
  const restore = await secondsOf(() =>
    module.get(CommandBus).execute(new RestoreArchive(TENANT, batchId, 1, requester)),
  );
  return { ...times, archive, verify, restore };
}

/** The median of the rounds of each, one after the other in every round; the first round warms up. */
async function inTurns(work: Record<string, Work>): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {};
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(work)) {
      const seconds = await secondsOf(run);
      if (round >= 0) (times[name] ??= []).push(seconds);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, measured]) => [name, median(measured)]));
}

function stepsOf(
  { in: bareIn = NaN, out: bareOut = NaN, ...times }: Record<string, number>,
  how: string,
): { step: string; seconds: number; ratio: number }[] {
  const bare = [
    { step: `gzip and SHA-256`, seconds: bareIn, ratio: 1 },
    { step: `gunzip and SHA-256`, seconds: bareOut, ratio: 1 },
  ];
  const ours = Object.entries(times).map(([name, seconds]) => {
    const against = name === 'archive' ? bareIn : bareOut;
    return { step: `${name}, ${how}`, seconds, ratio: rounded(against / seconds) };
  });
  return [...bare, ...ours];
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function secondsOf(work: Work): Promise<number> {
  const began = performance.now();
  await work();
  return secondsSince(began);
}

const secondsSince = (began: number): number => (performance.now() - began) / 1_000;
