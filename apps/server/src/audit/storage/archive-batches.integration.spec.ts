import { uuidv7 } from '#libs/kernel';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { sampleBatch } from './archive-batch.fixture.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from './archive-batches.store.js';

const starts = (batches: ArchiveBatch[]): number[] => batches.map(({ startSeq }) => startSeq / 256);

describe('the records of batches', () => {
  let room: AuditRoom;
  let batches: ArchiveBatches;
  beforeAll(async () => {
    room = await startRoom();
    batches = room.module.get(ArchiveBatches);
    for (const n of [2, 0, 1]) await batches.add(sampleBatch(TENANT, n));
    await batches.add(sampleBatch('other', 0, { endSeq: 99_999 }));
  });
  afterAll(() => room.remove());

  it('keep the first of two that begin at one seq', async () => {
    const kept = await batches.covering(TENANT, 256);
    const second = await batches.add(sampleBatch(TENANT, 1, { endSeq: 1023 }));
    expect(second).toEqual(kept);
    expect(await batches.highestSeq(TENANT)).toBe(767);
  });

  it.each([
    [0, 0],
    [255, 0],
    [256, 1],
    [767, 2],
    [768, undefined],
  ])('say which holds seq %i', async (seq, n) => {
    const found = await batches.covering(TENANT, seq);
    expect(found && found.startSeq / 256).toEqual(n ?? null);
  });

  it.each([
    [0, 767, [0, 1, 2]],
    [255, 256, [0, 1]],
    [300, 300, [1]],
    [768, 900, []],
  ])('are told between seq %i and %i', async (from, to, expected) => {
    const found: ArchiveBatch[] = [];
    for await (const batch of batches.between(TENANT, from, to)) found.push(batch);
    expect(starts(found)).toEqual(expected);
  });

  it('know by event id and by time which may hold an event', async () => {
    const noon = Date.parse('2026-01-02T12:00:00.000Z');
    expect(starts(await batches.byEventId(TENANT, uuidv7(noon)))).toEqual([1]);
    expect(await batches.byEventId(TENANT, uuidv7(noon + 365 * 86_400_000))).toEqual([]);
    expect(starts(await batches.inWindow(TENANT, new Date(noon).toISOString()))).toEqual([1, 2]);
    expect(starts(await batches.inWindow(TENANT, undefined, new Date(noon).toISOString()))).toEqual([0, 1]);
  });

  it('give the unfinished one that is oldest, until its state says otherwise', async () => {
    const [last] = await batches.page(TENANT, { limit: 1 });
    expect(await batches.setState(last!._id, ['done'], 'recorded')).toBe(true);
    expect((await batches.unfinished(TENANT))?._id).toBe(last!._id);
    expect(await batches.setState(last!._id, ['done'], 'retired')).toBe(false);
    expect(await batches.setState(last!._id, ['recorded'], 'done')).toBe(true);
    expect(await batches.unfinished(TENANT)).toBeNull();
  });

  it('are paged from the newest on', async () => {
    expect(starts(await batches.page(TENANT, { limit: 2 }))).toEqual([2, 1]);
    expect(starts(await batches.page(TENANT, { before: 256, limit: 2 }))).toEqual([0]);
  });
});
