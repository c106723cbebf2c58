import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LedgerVerifier, type StoredEntry, type VerificationReport } from '#libs/ledger';
import { MongoStore } from '#libs/mongo';
import { Settings } from '../../settings.js';
import { HighWaterFiles } from '../checkpoints/high-water-files.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { writeLongLedger } from '../long-ledger.fixture.js';
import { rootOfTile } from '../domain/tile.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { LedgerReader } from '../storage/ledger-reader.store.js';
import type { DigestedSegment, SegmentTask } from '../storage/segment.worker.js';
import { Tiles } from '../storage/tiles.store.js';
import type { ArchiveReading } from './archive-reading.js';
import { LedgerReading } from './ledger-reading.js';
import { SegmentThreads } from './segment-threads.js';

const TENANT = 'acme';
const ORIGIN = 'assay.local/ledger/acme';
/** Two segments and a bit, the last one short of a tile. */
const ENTRIES = 2 * 4_096 + 300;

const idOf = (seq: number): string => `${TENANT}:${String(seq).padStart(16, '0')}`;

describe('LedgerReading', () => {
  let dataDir: string;
  let store: MongoStore;
  let threads: SegmentThreads;
  let keys: AuditKeys;
  let entries: ReturnType<typeof MongoStore.prototype.collection<StoredEntry>>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'assay-reading-'));
    await writeLongLedger({ dataDir, tenant: TENANT, entries: ENTRIES });
    const settings = new Settings({ ASSAY_DATA_DIR: dataDir, ASSAY_ROLES: 'ledger', AUDIT_VERIFY_THREADS: '1' });
    keys = await AuditKeys.load(settings);
    store = await MongoStore.open({ dataDir });
    threads = new SegmentThreads(store, settings);
    entries = store.collection<StoredEntry>('ledger_entries');
  });
  afterAll(async () => {
    await threads.onApplicationShutdown();
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Threads that find nothing clean: everything is read one by one. */
  const NO_THREADS = {
    count: 1,
    digest: async ({ tenant, from, to }: SegmentTask): Promise<DigestedSegment> => ({
      digest: undefined,
      empty: (await entries.findOne({ tenant, seq: { $gte: from, $lt: to } })) === null,
    }),
  } as unknown as SegmentThreads;

  const NO_ARCHIVE = {
    at: () => Promise.resolve(undefined),
    unrecorded: () => Promise.resolve(undefined),
    rest: () => Promise.resolve(),
  } as unknown as ArchiveReading;

  async function report(by: SegmentThreads, signal = new AbortController().signal): Promise<VerificationReport> {
    const ledgerEntries = new LedgerEntries(store);
    const reader = new LedgerReader(ledgerEntries, new Checkpoints(store), new Tiles(store));
    const kept = await new HighWaterFiles(new Settings({ ASSAY_DATA_DIR: dataDir })).of(TENANT).newest();
    const highWater = kept!.marks.at(-1)!;
    const verifier = new LedgerVerifier({
      tenant: TENANT,
      origin: ORIGIN,
      keys: { verifierKeys: keys.verifierKeys(TENANT, ORIGIN), pinned: false },
      highWater,
    });
    await new LedgerReading(reader, by, {
      tenant: TENANT,
      place: await reader.place(TENANT),
      sizes: [highWater.size],
      eventKeys: new Map(),
      verifier,
      archive: NO_ARCHIVE,
      signal,
      progressed: () => Promise.resolve(),
    }).read();
    return verifier.finish();
  }

  it('digests a clean ledger in threads: not one document is read here', async () => {
    const one = jest.spyOn(LedgerVerifier.prototype, 'entry');
    const clean = await report(threads);
    expect(one).not.toHaveBeenCalled();
    one.mockRestore();
    expect(clean).toMatchObject({
      tier: 'consistent',
      breaks: [],
      unsealed: null,
      entries: { expected: ENTRIES, found: ENTRIES, verified: ENTRIES },
      tiles: { compared: 33 },
    });
    expect(clean).toEqual(await report(NO_THREADS));
  });

  it('ends with the reason when it is aborted', async () => {
    await expect(report(threads, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });

  describe('when the store was changed', () => {
    const entryAt = async (seq: number): Promise<StoredEntry> =>
      (await entries.findOne({ _id: idOf(seq) }, { promoteBuffers: true }))!;
    const changed = async (seq: number, change: object): Promise<() => Promise<void>> => {
      const original = await entryAt(seq);
      await entries.deleteOne({ _id: original._id });
      await entries.insertOne({ ...original, ...change });
      const nowAt = (change as { _id?: string })._id ?? original._id;
      return async () => {
        await entries.deleteOne({ _id: nowAt });
        await entries.insertOne(original);
      };
    };
    it('finds every change and names it by seq, as entry by entry', async () => {
      const changes: [number, object, object][] = [
        [5_000, { bytes: Buffer.from('{}') }, { class: 'edited', field: 'bytes' }],
        [4_097, { kind: 'job.finished' }, { class: 'index_mismatch', field: 'kind' }],
        [4_095, { tenant: 'other' }, { class: 'edited', field: 'tenant' }],
        [8_191, { seq: 8_190.5 }, { class: 'edited', field: 'seq' }],
        [100, { seq: -5 }, { class: 'edited', field: 'seq' }],
        [6_000, { seq: 'x' }, { class: 'edited', field: 'seq' }],
        [7, { seq: 4_000_000_000 }, { class: 'edited', field: 'seq' }],
        [8_400, { tenant: 'other', seq: -1 }, { class: 'edited' }],
      ];
      const undo: (() => Promise<void>)[] = [];
      for (const [seq, change] of changes) undo.push(await changed(seq, change));
      const found = await report(threads);
      for (const [seq, , expected] of changes) {
        expect(found.breaks).toContainEqual(expect.objectContaining({ seq, ...expected }));
      }
      expect(found).toEqual(await report(NO_THREADS));
      for (const back of undo) await back();
    });

    it('finds a whole segment that is gone', async () => {
      const which = { tenant: TENANT, seq: { $gte: 4_000, $lt: 8_200 } };
      const gone = await entries.find(which, { promoteBuffers: true }).toArray();
      await entries.deleteMany(which);
      const found = await report(threads);
      expect(found.breaks).toContainEqual(expect.objectContaining({ class: 'deleted', from: 4_000, to: 8_199 }));
      expect(found).toEqual(await report(NO_THREADS));
      await entries.insertMany(gone);
    });

    it('finds stored tiles that contradict themselves, each other or the entries', async () => {
      const tiles = store.collection<{ level: number; index: number }>('ledger_tiles');
      const changes: [number, object][] = [
        [3, { root: Buffer.alloc(32, 7) }],
        [5, { hashes: Buffer.alloc(32) }],
        [20, { hashes: Buffer.alloc(8_192, 7), root: rootOfTile(Buffer.alloc(8_192, 7)) }],
      ];
      for (const [index, change] of changes) await tiles.updateOne({ level: 0, index }, { $set: change });
      const found = (await report(threads)).breaks.filter(({ class: kind }) => kind === 'tile_mismatch');
      for (const [index] of changes) {
        expect(found.map(({ from, seq }) => Math.floor((from ?? seq)! / 256))).toContain(index);
      }
    });
  });
});
