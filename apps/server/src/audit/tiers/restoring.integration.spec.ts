import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Actor } from '#libs/ledger';
import { sampleDraft, startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { RestoreArchive, type RestoredArchive } from '../commands/restore-archive.command.js';
import { RecordEvents, SealEvents } from '../index.js';
import { ListEvents, type EventFilter } from '../queries/list-events.query.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { RestoredEntries } from '../storage/restored-entries.store.js';
import { Restorations } from '../storage/restorations.store.js';
import { archiveRange } from './archived-range.fixture.js';
import { ArchivedEntries } from './archived-entries.js';
import { ColdCopier } from '../cold/cold-copier.js';
import { ColdStores } from '../cold/cold-stores.js';
import { RestorationExpiry } from './restoration-expiry.js';

const DAY_MS = 86_400_000;
const OPERATOR: Actor = { type: 'operator', id: 'root' };
const SIZE = 1_400;
const tsAt = (seq: number): string => new Date(Date.UTC(2026, 10, 21, 9) + seq * 1000).toISOString();

describe('restoring an archived batch', () => {
  let folder: string;
  let room: AuditRoom;
  let batches: ArchiveBatch[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-restoring-'));
    room = await startRoom({ env: { AUDIT_COLD_COPY_URL: pathToFileURL(folder).href } });
    const commands = room.module.get(CommandBus);
    const drafts = Array.from({ length: SIZE }, (_, seq) => sampleDraft(seq, { ts: tsAt(seq) }));
    await commands.execute(new RecordEvents(TENANT, await commands.execute(new SealEvents(drafts))));
    expect(await room.sign()).toMatchObject({ state: 'signed', size: SIZE });
    batches = [];
    for (let from = 0; from + 256 < SIZE; from += 256) batches.push(await archiveRange(room, from, from + 256));
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await room.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const restore = ({ _id }: ArchiveBatch, days = 7, actor: Actor = OPERATOR): Promise<RestoredArchive> =>
    room.module.get(CommandBus).execute(new RestoreArchive(TENANT, _id, days, { tenant: TENANT, actor }));
  const list = async (filter: EventFilter): Promise<{ seq: number; tier: string }[]> => {
    const { events } = await room.module.get(QueryBus).execute(new ListEvents(TENANT, filter));
    return events.map(({ seq, tier }) => ({ seq, tier }));
  };
  /** The job's events of one batch, by a filter that only a database answers. */
  const ofJob = ({ startSeq, endSeq }: ArchiveBatch): Promise<{ seq: number; tier: string }[]> =>
    list({ job_id: 'job-1', kind: 'sample.done', since: tsAt(startSeq), until: tsAt(endSeq + 1), limit: 1000 });
  const copies = ({ startSeq, endSeq }: ArchiveBatch): Promise<number> =>
    room.module.get(RestoredEntries).collection.countDocuments({ seq: { $gte: startSeq, $lte: endSeq } });
  const facts = ({ startSeq }: ArchiveBatch): Promise<number> =>
    room.entries
      .find({ kind: 'archive.restored' }, { projection: { bytes: 1 }, promoteBuffers: true })
      .toArray()
      .then((found) => found.filter(({ bytes }) => String(bytes).includes(`"start_seq":${startSeq},`)).length);
  const expire = (now: Date): Promise<number> => room.module.get(RestorationExpiry).round(now);
  const refused = { code: 'AUDIT.RANGE_REQUIRED' };

  it('lets every filter find its events, says which tier, and ends by itself', async () => {
    const [, batch] = batches as [ArchiveBatch, ArchiveBatch];
    await expect(ofJob(batch)).rejects.toMatchObject(refused);
    const { until } = await restore(batch);
    expect(Date.parse(until)).toBeGreaterThan(Date.now() + 6 * DAY_MS);
    const jobs = Array.from({ length: 256 }, (_, i) => batch.endSeq - i).filter((seq) => seq % 3 === 1);
    expect(await ofJob(batch)).toEqual(jobs.map((seq) => ({ seq, tier: 'restored' })));
    const around = await list({ after_seq: batch.startSeq - 2, limit: 2 });
    expect(around.map(({ tier }) => tier)).toEqual(['archived', 'restored']);
    await expect(list({ job_id: 'job-1' })).rejects.toMatchObject(refused);
    expect(await room.verify()).toMatchObject({ breaks_total: 0 });

    expect(await expire(new Date(Date.parse(until) - 1))).toBe(0);
    expect(await expire(new Date(until))).toBe(256);
    await expect(ofJob(batch)).rejects.toMatchObject(refused);
    expect(await copies(batch)).toBe(0);
  });

  it('lasts for the longer of two orders, and copies once', async () => {
    const batch = batches[2]!;
    await restore(batch, 7);
    const spy = jest.spyOn(room.module.get(RestoredEntries), 'add');
    const { until } = await restore(batch, 30);
    expect(await restore(batch, 2)).toMatchObject({ until });
    expect(spy).not.toHaveBeenCalled();
    expect(await facts(batch)).toBe(2);
    await expire(new Date(Date.now() + 8 * DAY_MS));
    expect(await copies(batch)).toBe(256);
    expect(await ofJob(batch)).not.toHaveLength(0);
  });

  it('goes on when it died anywhere, and is not used before', async () => {
    const batch = batches[3]!;
    for (const [store, step] of [
      [RestoredEntries, 'add'],
      [RestoredEntries, 'count'],
      [Restorations, 'complete'],
    ] as const) {
      const target = room.module.get<Record<string, (...given: unknown[]) => Promise<unknown>>>(store);
      const work = target[step]!.bind(target);
      const dies = jest.spyOn(target, step).mockImplementation(async (...given) => {
        if (step === 'add') await work(...given);
        throw new Error('died');
      });
      await expect(restore(batch)).rejects.toThrow('died');
      await expect(ofJob(batch)).rejects.toMatchObject(refused);
      dies.mockRestore();
    }
    await restore(batch);
    expect(await ofJob(batch)).not.toHaveLength(0);
    expect(await copies(batch)).toBe(256);
  });

  it('is done once by two orders at a time', async () => {
    const batch = batches[4]!;
    const [one, other] = await Promise.all([restore(batch, 3), restore(batch, 9)]);
    expect(Date.parse(other.until)).toBeGreaterThan(Date.parse(one.until));
    expect(await copies(batch)).toBe(256);
    const restorations = await room.module.get(Restorations).of(TENANT, [batch._id]);
    expect(restorations.get(batch._id)).toMatchObject({ state: 'restored', until: new Date(other.until) });
  });

  it('is refused for an altered batch, before the first copy', async () => {
    const batch = batches[0]!;
    const store = await room.module.get(ColdStores).primary();
    const { body } = await store.get(batch.jsonlKey);
    const was = await buffer(body);
    await store.put(batch.jsonlKey, Buffer.from('other'));
    await expect(restore(batch)).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_ALTERED' });
    expect([await copies(batch), await facts(batch)]).toEqual([0, 0]);
    await store.put(batch.jsonlKey, was);
    await restore(batch);
  });

  it('takes the batch from the copy where the primary has another', async () => {
    const batch = batches[1]!;
    const store = await room.module.get(ColdStores).primary();
    await room.module.get(ColdCopier).copyBatch(batch, new AbortController().signal);
    await store.put(batch.jsonlKey, Buffer.from('other'));
    room.module.get<{ cache: { kept: Map<string, unknown> } }>(ArchivedEntries).cache.kept.clear();
    await restore(batch);
    expect(await copies(batch)).toBe(256);
    expect(room.lines.join('')).toContain('audit.cold_failover');
  });

  it('is refused for nobody but an operator, for no batch and for a retired one, whose copies go', async () => {
    const batch = batches[0]!;
    const nobody = { type: 'service', id: 'tester' } as const;
    await expect(restore(batch, 1, nobody)).rejects.toMatchObject({ code: 'AUDIT.OPERATOR_REQUIRED' });
    const none = { ...batch, _id: 'none' };
    await expect(restore(none)).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_NOT_FOUND' });
    await restore(batch);
    await room.module.get(ArchiveBatches).setState(batch._id, ['done'], 'retired');
    await expect(restore(batch)).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_RETIRED' });
    await expire(new Date());
    expect(await copies(batch)).toBe(0);
  });
});
