import { CommandBus, QueryBus } from '@nestjs/cqrs';
import fc from 'fast-check';
import { uuidv7 } from '#libs/kernel';
import {
  entryBundleBytes,
  hexOf,
  leafHash,
  tileBytes,
  verifyInclusion,
  verifyTlog,
  type StoredEntry,
} from '#libs/ledger';

import { sampleDraft, startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { StoreSurvey } from '../checkpoints/store-survey.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { RecordEvents, SealEvents } from '../index.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { GetEventProof } from '../queries/get-event-proof.query.js';
import { GetEvent } from '../queries/get-event.query.js';
import { GetPublishedNote } from '../queries/get-published-note.query.js';
import { GetTile } from '../queries/get-tile.query.js';
import { ListEvents, type EventFilter, type EventPage, type ListedEvent } from '../queries/list-events.query.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Tiles } from '../storage/tiles.store.js';
import { archiveRange } from './archived-range.fixture.js';
import { ArchivedEntries } from './archived-entries.js';
import { ColdStores } from '../cold/cold-stores.js';

const SIZE = 900;
/** Of the first event; every event is a second after the one before, but for some that are late. */
const BEGAN = Date.UTC(2026, 10, 21, 9);
const tsAt = (second: number): string => new Date(BEGAN + second * 1000).toISOString();
const secondOf = (seq: number): number => (seq % 50 === 0 ? Math.max(seq - 270, 0) : seq - (seq % 3));

describe('a ledger of which some is archived', () => {
  let room: AuditRoom;
  let all: StoredEntry[];
  let batches: ArchiveBatch[];
  beforeAll(async () => {
    room = await startRoom({ env: { AUDIT_COLD_ENCRYPT: 'true' } });
    const commands = room.module.get(CommandBus);
    const drafts = Array.from({ length: SIZE }, (_, seq) => sampleDraft(seq, { ts: tsAt(secondOf(seq)) }));
    await commands.execute(new RecordEvents(TENANT, await commands.execute(new SealEvents(drafts))));
    expect(await room.sign()).toMatchObject({ state: 'signed', size: SIZE });
    all = await room.stored();
    batches = [
      await archiveRange(room, 0, 256),
      await archiveRange(room, 256, 512, { encrypt: true }),
      await archiveRange(room, 512, 768, { state: 'recorded' }),
    ];
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => room.remove());

  const list = (filter: EventFilter): Promise<EventPage> =>
    room.module.get(QueryBus).execute(new ListEvents(TENANT, filter));
  /** Nothing of any batch is known any more. */
  const forget = (): void => {
    const archived = room.module.get<{ cache: { kept: Map<string, unknown> } }>(ArchivedEntries);
    archived.cache.kept.clear();
  };
  const reads = (): jest.SpyInstance => {
    forget();
    return jest.spyOn(room.module.get(ColdStores), 'read');
  };
  const naive = ({ since = '', until = '9' }: EventFilter): StoredEntry[] =>
    all
      .filter(({ ts }) => ts >= since && ts < until)
      .sort((a, b) => (a.ts === b.ts ? b.seq - a.seq : a.ts < b.ts ? 1 : -1));
  const tierOf = (seq: number): ListedEvent['tier'] => (seq < 512 ? 'archived' : 'hot');
  const asListed = ({ seq, bytes, leaf_hash, chain_hash }: StoredEntry): ListedEvent => ({
    seq,
    leaf_hash: hexOf(leaf_hash),
    chain_hash: hexOf(chain_hash),
    tier: tierOf(seq),
    event: JSON.parse(Buffer.from(bytes).toString('utf8')) as ListedEvent['event'],
  });

  async function everyPage(filter: EventFilter): Promise<ListedEvent[]> {
    const found: ListedEvent[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await list({ ...filter, cursor });
      expect(page.events.length).toBeLessThanOrEqual(filter.limit ?? 100);
      found.push(...page.events);
      if (page.next_cursor === undefined) return found;
      cursor = page.next_cursor;
    }
  }

  describe('when it is followed', () => {
    it('gives every event once and in order, whatever the page size', async () => {
      for (const limit of [1000, 97]) {
        const found: ListedEvent[] = [];
        for (let after = -1; ;) {
          const page = await list({ after_seq: after, limit });
          if (page.events.length === 0) break;
          found.push(...page.events);
          after = page.next_after_seq!;
        }
        expect(found).toEqual(all.map(asListed));
      }
    });

    it('reads no batch for what is hot', async () => {
      const spy = reads();
      expect((await list({ after_seq: 511, limit: 300 })).events.map(({ seq }) => seq)[0]).toBe(512);
      expect((await list({ after_seq: SIZE - 1 })).events).toEqual([]);
      expect(spy).not.toHaveBeenCalled();
    });
  });

  describe('when it is searched by time', () => {
    it('gives what one list would, page by page', async () => {
      const second = fc.integer({ min: -5, max: SIZE + 5 });
      const window = fc.record(
        { since: second.map(tsAt), until: second.map(tsAt), limit: fc.integer({ min: 40, max: 300 }) },
        { requiredKeys: ['limit'] },
      );
      await fc.assert(
        fc.asyncProperty(window, async (filter) => {
          expect(await everyPage(filter)).toEqual(naive(filter).map(asListed));
        }),
        { numRuns: 12 },
      );
    });

    it('reads a batch only when it can change the page', async () => {
      const spy = reads();
      expect((await list({ limit: 100 })).events).toEqual(naive({}).slice(0, 100).map(asListed));
      await list({ since: tsAt(SIZE - 100) });
      expect(spy).not.toHaveBeenCalled();
    });

    it('asks for no record of a batch that ends before a full page does', async () => {
      const windows = jest.spyOn(room.module.get(ArchiveBatches), 'inWindow');
      const { next_cursor } = await list({ limit: 100 });
      await list({ limit: 100, cursor: next_cursor });
      const found = await Promise.all(windows.mock.results.map(({ value }) => value as Promise<ArchiveBatch[]>));
      expect(found.map((batches) => batches.map(({ startSeq }) => startSeq))).toEqual([[], [512]]);
    });
  });

  describe('when other filters are asked for', () => {
    const newest = (): string =>
      [...batches.slice(0, 2)]
        .map(({ maxTs }) => maxTs)
        .sort()
        .at(-1)!;

    it('answers in the hot span', async () => {
      const since = new Date(Date.parse(newest()) + 1).toISOString();
      const jobs = all.filter(({ ts, job_id }) => ts >= since && job_id === 'job-1');
      const found = await everyPage({ job_id: 'job-1', kind: 'sample.done', since, limit: 50 });
      expect(found.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(jobs.map(({ seq }) => seq));
    });

    it('is refused over what is archived, and says which span is hot', async () => {
      const since = new Date(Date.parse(newest()) + 1).toISOString();
      for (const filter of [
        { kind: 'sample.done' },
        { job_id: 'job-1', since: newest() },
        { kind: 'a.b', until: tsAt(9) },
      ]) {
        await expect(list(filter)).rejects.toMatchObject({
          code: 'AUDIT.RANGE_REQUIRED',
          message: expect.stringContaining(since) as string,
          details: [{ pointer: '/since', code: 'range_required', detail: `expected ${since} or later` }],
        });
      }
    });
  });

  it('shows one event by its id and proves it', async () => {
    const queries = room.module.get(QueryBus);
    for (const seq of [0, 255, 256, 300, 511, 512, SIZE - 1]) {
      const { event_id, bytes } = all[seq]!;
      const event = await queries.execute(new GetEvent(TENANT, event_id));
      expect(event).toEqual({ ...asListed(all[seq]!), bytes: Buffer.from(bytes).toString('base64') });
      const proof = await queries.execute(new GetEventProof(TENANT, event_id, undefined));
      verifyInclusion({ leafHash: leafHash(bytes), index: seq, size: SIZE, proof: proof.proof, root: proof.root });
    }
    for (const id of [
      uuidv7(),
      uuidv7(Date.parse(batches[0]!.archivedAt.toISOString()) - 1),
      `","kind":"sample.done`,
    ]) {
      await expect(queries.execute(new GetEvent(TENANT, id))).rejects.toMatchObject({ code: 'AUDIT.EVENT_NOT_FOUND' });
    }
  });

  it('serves the same tiles and bundles of entries', async () => {
    const tile = (path: string): Promise<Uint8Array> => room.module.get(QueryBus).execute(new GetTile(TENANT, path));
    for (const [path, from, to] of [
      ['tile/entries/000', 0, 256],
      ['tile/entries/001', 256, 512],
      ['tile/entries/001.p/7', 256, 263],
      ['tile/entries/003.p/132', 768, SIZE],
    ] as const) {
      const bytes = all.slice(from, to).map((entry) => new Uint8Array(entry.bytes));
      expect(Buffer.from(await tile(path)).equals(Buffer.from(entryBundleBytes(bytes)))).toBe(true);
    }
    const leaves = all.slice(256, 270).map(({ leaf_hash }) => new Uint8Array(leaf_hash));
    expect(Buffer.from(await tile('tile/0/001.p/14')).equals(Buffer.from(tileBytes(leaves)))).toBe(true);
  });

  it('passes an independent check of the whole log', async () => {
    const queries = room.module.get(QueryBus);
    const source = {
      read: async (path: string): Promise<Uint8Array> =>
        path === 'checkpoint'
          ? Buffer.from(await queries.execute(new GetPublishedNote(TENANT)))
          : queries.execute(new GetTile(TENANT, path)),
    };
    const verifierKeys = room.module.get(AuditKeys).verifierKeys(TENANT, `assay.test/ledger/${TENANT}`);
    const report = await verifyTlog({ ...source, keys: { verifierKeys, pinned: true } });
    expect(report).toMatchObject({ entries: { expected: SIZE, found: SIZE }, breaks_total: 0, tier: 'consistent' });
  });

  it('is whole for the operator who has to open it anew', async () => {
    const survey = await room.module.get(StoreSurvey).of({ _id: TENANT, origin: `assay.test/ledger/${TENANT}` });
    expect(survey).toMatchObject({ whole: { size: SIZE }, good: { size: SIZE }, broken: undefined });
  });

  it('is whole for that operator where a batch has retired, if its leaf tiles are', async () => {
    const surveyed = () => room.module.get(StoreSurvey).of({ _id: TENANT, origin: `assay.test/ledger/${TENANT}` });
    const { collection: records } = room.module.get(ArchiveBatches);
    const { collection: tiles } = room.module.get(Tiles);
    const ofBatch = { _id: batches[0]!._id };
    const tile = (await tiles.findOne({ tenant: TENANT, level: 0, index: batches[0]!.startSeq / 256 }))!;
    const withHashes = (hashes: Uint8Array) => tiles.updateOne({ _id: tile._id }, { $set: { hashes } });
    await records.updateOne(ofBatch, { $set: { state: 'retired' } });
    try {
      expect(await surveyed()).toMatchObject({ whole: { size: SIZE }, good: { size: SIZE }, broken: undefined });
      await withHashes(Buffer.alloc(256 * 32));
      const after = `seq ${batches[0]!.endSeq + 1} does not continue the chain`;
      expect(await surveyed()).toMatchObject({ good: { size: 0 }, broken: after });
      await withHashes(Buffer.alloc(32));
      expect(await surveyed()).toMatchObject({ good: { size: 0 }, broken: `seq ${batches[0]!.startSeq} is missing` });
    } finally {
      await withHashes(tile.hashes);
      await records.updateOne(ofBatch, { $set: { state: 'done' } });
    }
  });

  describe('of which a batch cannot be had', () => {
    const codeOfBundle = (path: string): Promise<string | undefined> =>
      room.module
        .get(QueryBus)
        .execute(new GetTile(TENANT, path))
        .then(
          () => undefined,
          (error: { code?: string }) => error.code,
        );
    const changed = async (
      key: string,
      change: (bytes: Buffer) => Buffer | undefined,
      expected: string,
    ): Promise<void> => {
      const store = await room.module.get(ColdStores).primary();
      const { body } = await store.get(key);
      const was = Buffer.concat((await body.toArray()) as Buffer[]);
      const now = change(Buffer.from(was));
      if (now) await store.put(key, now);
      else await store.delete(key);
      forget();
      expect(await codeOfBundle('tile/entries/000')).toBe(expected);
      await store.put(key, was);
      expect(await codeOfBundle('tile/entries/000')).toBeUndefined();
    };
    const flipped = (bytes: Buffer): Buffer => {
      bytes[bytes.length >> 1]! ^= 1;
      return bytes;
    };

    it('says what is missing or altered, and keeps nothing of it', async () => {
      const { jsonlKey, manifestKey } = batches[0]!;
      for (const key of [jsonlKey, manifestKey]) {
        await changed(key, flipped, 'AUDIT.ARCHIVE_ALTERED');
        await changed(key, () => undefined, 'AUDIT.ARCHIVE_MISSING');
      }
    });

    it('says that a batch is swapped for another, though every record fits its objects', async () => {
      const { collection } = room.module.get(ArchiveBatches);
      const [first, second] = batches as [ArchiveBatch, ArchiveBatch];
      const objects = ({ jsonlKey, manifestKey, manifestSha256, storedSha256, sha256 }: ArchiveBatch): object => ({
        ...{ jsonlKey, manifestKey, manifestSha256, storedSha256, sha256 },
      });
      await collection.updateOne({ _id: first._id }, { $set: objects(second) });
      forget();
      expect(await codeOfBundle('tile/entries/000')).toBe('AUDIT.ARCHIVE_ALTERED');
      await collection.updateOne({ _id: first._id }, { $set: objects(first) });
      expect(await codeOfBundle('tile/entries/000')).toBeUndefined();
    });

    it('says which key is missing, and which retention is over', async () => {
      const ring = jest.spyOn(room.module.get(AuditKeys), 'archiveRing').mockResolvedValue(undefined);
      forget();
      expect(await codeOfBundle('tile/entries/001')).toBe('AUDIT.ARCHIVE_KEY_MISSING');
      ring.mockRestore();
      const { collection } = room.module.get(ArchiveBatches);
      await collection.updateOne({ _id: batches[0]!._id }, { $set: { state: 'retired' } });
      expect(await codeOfBundle('tile/entries/000')).toBe('AUDIT.ARCHIVE_RETIRED');
      expect((await list({ after_seq: -1, limit: 3 })).events.map(({ seq }) => seq)).toEqual([256, 257, 258]);
      await collection.updateOne({ _id: batches[0]!._id }, { $set: { state: 'done' } });
    });
  });
});
