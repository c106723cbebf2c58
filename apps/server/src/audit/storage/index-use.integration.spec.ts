import { uuidv7 } from '#libs/kernel';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { sampleBatch } from './archive-batch.fixture.js';
import { ArchiveBatches } from './archive-batches.store.js';
import { Checkpoints } from './checkpoints.store.js';
import { KeyStatements } from './key-statements.store.js';
import { LedgerEntries } from './ledger-entries.store.js';
import { Ledgers } from './ledgers.store.js';
import { Restorations } from './restorations.store.js';
import { RestoredEntries } from './restored-entries.store.js';
import { SubjectKeys } from './subject-keys.store.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from './tiles.store.js';

/** The embedded engine counts the index keys and documents it looks at. */
describe('every query of the room', () => {
  let room: AuditRoom;
  beforeAll(async () => {
    delete process.env['MONGODB_URI'];
    room = await startRoom();
    for (let step = 0; step < 300; step += 50) {
      await room.record(50, step);
      await room.sign();
    }
    for (let n = 0; n < 30; n++) {
      const copied = n < 25 && { copy: { copiedAt: new Date(), versionIds: {} } };
      await of(ArchiveBatches).add(sampleBatch(TENANT, n, { state: n < 28 ? 'done' : 'recorded', ...copied }));
      await of(ArchiveBatches).add(sampleBatch('older', n, { state: n < 20 ? 'retired' : 'done' }));
    }
    await of(RestoredEntries).add('restoration', (await room.stored()).slice(0, 150));
    for (let n = 0; n < 30; n++) {
      const { _id, restoration } = await of(Restorations).begin(sampleBatch(TENANT, n), uuidv7(), new Date());
      if (n < 5) await of(Restorations).complete({ _id, restoration }, new Date());
    }
    for (let person = 0; person < 20; person++) await room.recordPerson(`person ${person}`);
  });
  afterAll(() => room.remove());

  const of = <T>(provider: new (...args: never[]) => T): T => room.module.get(provider);
  const [noon, later] = ['2020-01-01T12:00:00.000Z', '2100-01-01T12:00:00.000Z'];
  const dayOfBatch = (n: number): Date => new Date(Date.parse('2026-01-01T12:00:00.000Z') + n * 86_400_000);
  const ids = async (): Promise<string[]> => (await room.stored()).slice(100, 110).map(({ event_id }) => event_id);

  it.each<[string, (given: string[]) => Promise<unknown>, number]>([
    ['the head', () => of(LedgerEntries).head(TENANT), 1],
    ['events by id', (given) => of(LedgerEntries).find(TENANT, given), 10],
    ['the chain hash at a seq', () => of(LedgerEntries).chainHashAt(TENANT, 150), 1],
    ['entries after a seq', () => of(LedgerEntries).after(TENANT, 100, 20), 20],
    ['following', () => of(LedgerEntries).following(TENANT, 100, 20), 20],
    ['a page', () => of(LedgerEntries).page(TENANT, { limit: 20 }), 20],
    ['a page in time', () => of(LedgerEntries).page(TENANT, { since: noon, until: later, limit: 20 }), 20],
    ['a page of a kind', () => of(LedgerEntries).page(TENANT, { kind: 'sample.done', since: noon, limit: 20 }), 20],
    ['a page of a job', () => of(LedgerEntries).page(TENANT, { job_id: 'job-1', limit: 20 }), 20],
    [
      'a next page',
      () => of(LedgerEntries).page(TENANT, { before: { ts: later, seq: 5 }, kind: 'sample.done', limit: 20 }),
      20,
    ],
    ['events of a rare kind', () => of(LedgerEntries).ofKind(TENANT, 'key.activated'), 0],
    ['what is said of keys', () => of(KeyStatements).ofKind(TENANT, 'key.activated'), 0],
    ['the newest checkpoint', () => of(Checkpoints).newest(TENANT), 1],
    ['its size', () => of(Checkpoints).newestSize(TENANT), 1],
    ['a full tile', () => of(Tiles).full(TENANT, 0, 0), 1],
    ['roots of tiles', () => of(Tiles).roots(TENANT, 0, 0, 1), 1],
    ['how many tiles', () => of(Tiles).count(TENANT, 0), 1],
    ['tiles that are gone', () => of(Tiles).missing(TENANT, 0, { before: 1, most: 1 }), 1],
    ['hashes of a partial tile', () => of(TileEntries).leafHashes(TENANT, 256, 40), 40],
    ['a bundle of entries', () => of(TileEntries).bytes(TENANT, 10, 40), 40],
    ['a ledger', () => of(Ledgers).find(TENANT), 1],
    ['the batch over a seq', () => of(ArchiveBatches).covering(TENANT, 12 * 256 + 7), 1],
    ['batches between two seqs', () => all(of(ArchiveBatches).between(TENANT, 5 * 256 + 1, 9 * 256)), 5],
    ['the highest archived seq', () => of(ArchiveBatches).highestSeq(TENANT), 1],
    ['batches of a recent event id', () => of(ArchiveBatches).byEventId(TENANT, uuidv7(dayOfBatch(28).getTime())), 2],
    ['batches since a time', () => of(ArchiveBatches).inWindow(TENANT, dayOfBatch(20).toISOString()), 10],
    ['the newest archived time', () => of(ArchiveBatches).newestTs(TENANT), 3],
    ['batches that are kept', () => all(of(ArchiveBatches).kept('older')), 10],
    ['a page of batches', () => of(ArchiveBatches).page(TENANT, { before: 20 * 256, limit: 10 }), 10],
    ['a batch whose entries have not left', () => of(ArchiveBatches).unfinished(TENANT), 1],
    ['batches that are not copied', () => all(of(ArchiveBatches).notCopied(TENANT)), 5],
    ['the oldest that is not copied', () => of(ArchiveBatches).oldestNotCopied(TENANT), 1],
    ['how many are not copied', () => of(ArchiveBatches).countNotCopied(TENANT), 5],
    ['restored batches', () => of(Restorations).restored(TENANT), 5],
    ['whether a restoration is known', () => of(Restorations).known('restoration'), 0],
    ['a page of restored', () => of(RestoredEntries).page('restoration', { since: noon, limit: 20 }), 20],
    ['restored of a kind', () => of(RestoredEntries).page('restoration', { kind: 'sample.done', limit: 20 }), 20],
    ['restored of a job', () => of(RestoredEntries).page('restoration', { job_id: 'job-1', limit: 20 }), 20],
    ['restored seqs', () => of(RestoredEntries).between(['restoration'], { from: 30, to: 90, limit: 20 }), 20],
    ['a restored event', (given) => of(RestoredEntries).find('restoration', given[0]!), 1],
    ['restored that may stay', () => of(RestoredEntries).sweep(() => Promise.resolve(true)), 1],
    ['an entry by its event', (given) => of(LedgerEntries).entryOf(TENANT, given[0]!), 1],
    ['who pseudonyms are', () => of(SubjectKeys).subjects(TENANT, ['0'.repeat(64)]), 0],
  ])('looks at no more keys than twice what it returns: %s', async (_what, query, returned) => {
    const given = await ids();
    const before = await examined();
    await query(given);
    const after = await examined();
    // A range ends at the first key outside of it, and a point look-up may see that there is no second one.
    expect(after.keys - before.keys).toBeLessThanOrEqual(2 * Math.max(returned, 1));
    expect(after.documents - before.documents).toBeLessThanOrEqual(2 * Math.max(returned, 1));
  });

  /** Batches are few, some hundred a year, and no index of one order finds in which of many spans a point lies. */
  it.each<[string, () => Promise<unknown>]>([
    ['batches of an old event id', () => of(ArchiveBatches).byEventId(TENANT, uuidv7(dayOfBatch(1).getTime()))],
    ['batches until an old time', () => of(ArchiveBatches).inWindow(TENANT, undefined, dayOfBatch(1).toISOString())],
  ])('looks at every newer batch once, by exception: %s', async (_what, query) => {
    const before = await examined();
    await query();
    const after = await examined();
    expect(after.documents - before.documents).toBeGreaterThan(20);
    expect(after.keys - before.keys).toBeLessThanOrEqual(31);
  });

  async function examined(): Promise<{ keys: number; documents: number }> {
    const status = await room.store.connection.getClient().db(room.store.connection.name).command({ serverStatus: 1 });
    const { scanned, scannedObjects } = status['metrics'].queryExecutor as { scanned: number; scannedObjects: number };
    return { keys: scanned, documents: scannedObjects };
  }
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
