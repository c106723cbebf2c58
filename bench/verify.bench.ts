import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import { LedgerVerifier, type StoredEntry } from '#libs/ledger';
import { RecordEvents } from '../apps/server/src/audit/commands/record-events.command.js';
import { SealEvents } from '../apps/server/src/audit/commands/seal-events.command.js';
import { TENANT } from '../apps/server/src/audit/audit-room.fixture.js';
import { AuditKeys } from '../apps/server/src/audit/keys/audit-keys.js';
import { benchDraft, inRoom, median, rounded, type BenchRoom } from './ledger-fixture.js';

export interface VerifyFigure {
  entries: number;
  /** Entries a second of the verifier alone, over documents in memory. */
  verified_per_second: number;
  /** Parse, canonicalise and SHA-256 of the same bytes and nothing else. */
  bare_per_second: number;
  /** The median of the rounds' ratios. */
  ratio: number;
  /** Entries a second as `GET /audit/verify` reads them: out of the store, over the wire. */
  from_store_per_second: number;
}

const ORIGIN = `assay.test/ledger/${TENANT}`;
const ROUNDS = 5;
const BATCH = 1_000;

/** Verification on one core against bare parse + canonicalise + SHA-256 of the same bytes, in turns. */
export async function verifyFigure(entries = Number(process.env['BENCH_ENTRIES'] ?? 20_000)): Promise<VerifyFigure> {
  return inRoom(async (room) => {
    await filled(room, entries);
    const stored = await room.entries.collection
      .find({ tenant: TENANT }, { promoteBuffers: true })
      .sort({ seq: 1 })
      .toArray();
    const ratios: { verified: number; bare: number }[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const bare = rateOf(stored.length, () => bareWork(stored));
      const verified = rateOf(stored.length, () => {
        const verifier = verifierOf(room);
        for (const entry of stored) verifier.entry(entry);
        if (verifier.finish().breaks_total > 0) throw new Error('expected no breaks');
      });
      if (round >= 0) ratios.push({ verified, bare }); // the first one warms up
    }
    const started = performance.now();
    const { tier } = await room.room.verify();
    if (tier !== 'consistent') throw new Error('expected a consistent ledger');
    return {
      entries,
      verified_per_second: Math.round(median(ratios.map(({ verified }) => verified))),
      bare_per_second: Math.round(median(ratios.map(({ bare }) => bare))),
      ratio: rounded(median(ratios.map(({ verified, bare }) => verified / bare))),
      from_store_per_second: Math.round(entries / ((performance.now() - started) / 1_000)),
    };
  });
}

async function filled(room: BenchRoom, entries: number): Promise<void> {
  for (let done = 0; done < entries; done += BATCH) {
    const drafts = Array.from({ length: Math.min(BATCH, entries - done) }, (_, i) => benchDraft(TENANT, done + i));
    await room.record.execute(new RecordEvents(TENANT, await room.seal.execute(new SealEvents(drafts))));
  }
  await room.room.sign();
}

function verifierOf({ room }: BenchRoom): LedgerVerifier {
  const keys = room.module.get(AuditKeys);
  return new LedgerVerifier({
    tenant: TENANT,
    origin: ORIGIN,
    keys: { verifierKeys: keys.verifierKeys(TENANT, ORIGIN), pinned: true },
  });
}

function bareWork(entries: readonly StoredEntry[]): void {
  for (const { bytes } of entries) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    const canonical = canonicalize(JSON.parse(text)) ?? '';
    createHash('sha256').update(canonical, 'utf8').digest();
  }
}

function rateOf(count: number, work: () => void): number {
  const started = performance.now();
  work();
  return count / ((performance.now() - started) / 1_000);
}
