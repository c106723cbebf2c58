import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LedgerVerifier, type StoredEntry } from '#libs/ledger';
import { startRoom, type AuditRoom } from '../../apps/server/src/audit/audit-room.fixture.js';
import { acknowledgedBy, startWriter } from './ledger-writers.fixture.js';
import type { Program } from './program.fixture.js';

/** So many acknowledgements while all of them write to one ledger, which is some dozens of turns; 50,000 for a release. */
const EVENTS = Number(process.env['WRITERS_EVENTS'] ?? 8_000);
const PROCESSES = 4;
const CALLERS = 64;
const LEAST_SHARE = 0.1;
/** A turn takes what waits for one ledger: with fifty of them a few events, not some hundred. */
const CASES = [
  { ledgers: 1, events: EVENTS },
  { ledgers: 50, events: Math.ceil(EVENTS / 5) },
];

describe('four processes of 64 callers each that append to the same ledgers, from empty ones', () => {
  it.each(CASES)('$ledgers of them: nothing forked, missing or doubled, and each gets its share', async (one) => {
    const tenants = Array.from({ length: one.ledgers }, (_, number) => `tenant-${number}`);
    const engine = await startRoom();
    const folders = await Promise.all(Array.from({ length: PROCESSES }, () => mkdtemp(join(tmpdir(), 'assay-audit-'))));
    const writers = folders.map((dataDir) =>
      startWriter({
        dataDir,
        uri: engine.store.uri,
        total: Number.MAX_SAFE_INTEGER,
        callers: CALLERS,
        roles: 'api',
        tenants,
      }),
    );
    try {
      await Promise.all(writers.map((writer) => writer.told(1)));
      const shares = await sharesOf(writers, one.events);
      for (const writer of writers) writer.process.kill('SIGTERM');
      await Promise.all(writers.map((writer) => writer.ended()));
      await assertWhole(engine, tenants, writers);
      expect(Math.min(...shares)).toBeGreaterThanOrEqual(LEAST_SHARE);
    } finally {
      await Promise.all(writers.map((writer) => writer.kill()));
      await engine.remove();
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    }
  });
});

/** Of what was acknowledged from the moment on when all were at it. */
async function sharesOf(writers: readonly Program[], events: number): Promise<number[]> {
  const before = writers.map(({ lines }) => lines.length);
  const ended = new Promise<never>((_, reject) => {
    for (const { process } of writers) process.once('exit', (code) => reject(new Error(`a writer ended: ${code}`)));
  });
  ended.catch(() => undefined); // they end when they are told to
  for (;;) {
    const since = writers.map(({ lines }, at) => lines.length - before[at]!);
    const total = since.reduce((sum, each) => sum + each, 0);
    if (total >= events) return since.map((each) => each / total);
    await Promise.race([sleep(20), ended]);
  }
}

/** The one oracle is the product's own verifier; and everything acknowledged is where it was said to be, once. */
async function assertWhole(engine: AuditRoom, tenants: readonly string[], writers: readonly Program[]): Promise<void> {
  const acknowledged = writers.flatMap(acknowledgedBy);
  const places = new Map<string, string>();
  for (const tenant of tenants) {
    const origin = `assay.test/ledger/${tenant}`;
    const verifier = new LedgerVerifier({ tenant, origin, keys: { verifierKeys: [], pinned: false } });
    const stored = engine.store.collection<StoredEntry>('ledger_entries').find({ tenant }, { promoteBuffers: true });
    for await (const entry of stored.sort({ seq: 1 })) {
      verifier.entry(entry);
      places.set(entry.event_id, `${tenant} ${entry.seq}`);
    }
    expect(verifier.finish().breaks).toEqual([]);
  }
  expect(acknowledged.filter(({ tenant, id, seq }) => places.get(id) !== `${tenant} ${seq}`)).toEqual([]);
  expect(places.size).toBe(acknowledged.length);
}
