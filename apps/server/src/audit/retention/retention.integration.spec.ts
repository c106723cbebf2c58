import { CommandBus } from '@nestjs/cqrs';
import { sha256Hex } from '#libs/archive';
import { parseEvent } from '#libs/ledger';
import { ObjectStoreError, type GetOptions, type ObjectStore } from '#libs/object-store';
import { sampleDraft, startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import type { Requester } from '../audit.types.js';
import { PlaceHold } from '../commands/place-hold.command.js';
import { ReleaseHold } from '../commands/release-hold.command.js';
import { SealEvents } from '../commands/seal-events.command.js';
import { LedgerInRoom } from '../ledger-in-room.fixture.js';
import { Holds } from '../holds/holds.js';
import { HoldTask } from '../holds/hold-task.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { Retirements, type Retirement } from '../storage/retirements.store.js';
import { archiveRange } from '../tiers/archived-range.fixture.js';
import { ageByThief, compromiseNoteKey } from '../verification/stolen-key.fixture.js';
import { ColdStores } from '../cold/cold-stores.js';
import { BatchRetiring } from './batch-retiring.js';
import { OrphanedObjects } from './orphaned-objects.js';
import { RetentionReport } from './retention-report.js';
import { RetentionRun } from './retention-run.js';
import { RetentionTask } from './retention-task.js';
import { Statements } from '../cold/statements.js';
import { tombstoneKey } from './tombstone.js';
import { Tombstones } from './tombstones.js';

const OPERATOR: Requester = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };
const DAY_MS = 86_400_000;
const DIED = new Error('the process died');
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

describe('retention', () => {
  let room: AuditRoom;
  /** So many entries are archived. */
  let archived = 0;
  beforeAll(async () => {
    room = await startRoom({ env: { AUDIT_RETENTION_DAYS: `30,${TENANT}=365` } });
    await room.record(10);
  });
  afterAll(() => room.remove());

  const of = <T>(provider: new (...args: never[]) => T): T => room.module.get<T>(provider);
  const cold = (): ColdStores => room.module.get(ColdStores);
  const command = <T>(order: object): Promise<T> => of(CommandBus).execute(order as never);
  const retire = (days: number) => of(RetentionRun).runOnce(TENANT, inDays(days));
  const again = async ({ _id }: ArchiveBatch): Promise<ArchiveBatch> => (await of(ArchiveBatches).get(TENANT, _id))!;
  const events = async (kind: string, { _id }: ArchiveBatch) =>
    (await room.stored())
      .map(({ bytes }) => parseEvent(bytes))
      .filter((event) => event.kind === kind && event.refs?.batch_id === _id);
  const objectOf = async (key: string) => (await cold().primary()).head(key);
  const keysOf = ({ jsonlKey, manifestKey }: ArchiveBatch): string[] => [jsonlKey, manifestKey];
  const held = (batch: ArchiveBatch): Promise<boolean[]> =>
    Promise.all(keysOf(batch).map(async (key) => (await objectOf(key)).legalHold));
  const place = (case_id: string, since?: string) =>
    command<{ _id: string }>(new PlaceHold(TENANT, { case_id, since }, OPERATOR));
  const release = ({ _id }: { _id: string }) => command(new ReleaseHold(TENANT, _id, OPERATOR));

  const kept = async (...ones: ArchiveBatch[]) => {
    for (const key of ones.flatMap(keysOf)) await objectOf(key);
  };

  /** One batch more. */
  async function batch(): Promise<ArchiveBatch> {
    await room.record(256);
    await room.sign();
    const made = await archiveRange(room, archived, archived + 256);
    archived += 256;
    return made;
  }

  it('retires what is past it, the oldest first, under tombstones that prove it', async () => {
    const [first, second] = [await batch(), await batch()];
    expect(await retire(364)).toMatchObject({ retired: 0 });
    expect((await again(first)).state).toBe('done');
    const manifest = Buffer.from((await cold().read(first, 'manifest')).bytes).toString('utf8');
    expect(await retire(366)).toMatchObject({ retired: 2 });
    for (const one of [first, second]) {
      expect((await again(one)).state).toBe('retired');
      for (const key of keysOf(one)) {
        await expect(objectOf(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
      }
      const { text } = (await of(Tombstones).of(one))!;
      const [event, ...others] = await events('archive.retired', one);
      expect(others).toEqual([]);
      expect(event!.data).toMatchObject({ start_seq: one.startSeq, tombstone_sha256: sha256Hex(text) });
    }
    expect(await of(Tombstones).of(first)).toMatchObject({ startSeq: 0, endSeq: 255, retentionDays: 365, manifest });
    expect(await of(Tombstones).of({ ...first, sha256: second.sha256 })).toBeUndefined();
    expect(await of(Tombstones).of({ ...first, manifestKey: second.manifestKey })).toBeUndefined();
    expect(await retire(366)).toMatchObject({ retired: 0 });
    expect(await room.verify()).toMatchObject({ breaks: [], retired: [{ from: 0, to: 511 }] });
  });

  it('waits for a legal hold, which the cold store has as well, and goes on when it is released', async () => {
    const [first, second] = [await batch(), await batch()];
    jest.spyOn(cold(), 'hold').mockRejectedValueOnce(DIED);
    // Events of one call may share a millisecond; the last ones of each batch are of different calls.
    const hold = await place('case-7', second.maxTs);
    expect(await held(second)).toEqual([false, false]);
    expect((await retire(366)).stopped).toMatchObject({ batch: second._id, reason: 'hold' });
    expect(await of(Tombstones).of(second)).toBeUndefined();
    await of(HoldTask).turn();
    expect(await held(second)).toEqual([true, true]);
    expect((await again(second)).holds).toEqual(['case-7']);
    expect((await again(second)).state).toBe('done');
    expect((await of(RetentionReport).of(TENANT, inDays(366))).overdue).toContainEqual(
      expect.objectContaining({ what: 'archived', to_seq: second.endSeq, reason: 'hold' }),
    );
    await release(hold);
    expect(await held(second)).toEqual([false, false]);
    await retire(366);
    expect([(await again(first)).state, (await again(second)).state]).toEqual(['retired', 'retired']);
  });

  it.each([
    ['the cold store took', undefined],
    ['the cold store did not take', DIED],
  ])('is kept by a hold that is placed while it is retired, and that %s', async (_which, fault) => {
    const one = await batch();
    const batches = of(ArchiveBatches);
    const setState = batches.setState.bind(batches);
    let hold: { _id: string };
    jest.spyOn(batches, 'setState').mockImplementationOnce(async (...given) => {
      if (fault) jest.spyOn(cold(), 'hold').mockRejectedValueOnce(fault);
      hold = await place('late', one.maxTs);
      return setState(...given);
    });
    expect(await retire(366)).toMatchObject({ retired: 0, stopped: { batch: one._id, reason: 'hold' } });
    expect((await again(one)).state).toBe('done');
    await kept(one);
    await of(HoldTask).turn();
    expect((await again(one)).holds).toEqual(['late']);
    await release(hold!);
    expect(await retire(366)).toMatchObject({ retired: 1 });
  });

  it('puts a hold on what is archived after it was placed, and keeps it while another case covers it', async () => {
    const first = await batch();
    const [one, two] = [await place('one'), await place('two')];
    const second = await batch();
    await of(HoldTask).turn();
    const cases = async () => [(await again(first)).holds, (await again(second)).holds];
    expect(await cases()).toEqual([
      ['one', 'two'],
      ['one', 'two'],
    ]);
    jest.spyOn(cold(), 'hold').mockRejectedValueOnce(DIED);
    await release(one);
    expect(await cases()).toEqual([['one', 'two'], ['two']]);
    await of(HoldTask).turn();
    expect(await cases()).toEqual([['two'], ['two']]);
    await (await cold().primary()).hold(first.jsonlKey, false);
    await of(HoldTask).ask();
    expect(room.lines.join('')).toContain('audit.hold_lifted');
    expect(await held(first)).toEqual([true, true]);
    await release(two);
    expect([...(await held(first)), ...(await held(second))]).toEqual([false, false, false, false]);
    await retire(366);
  });

  it('touches nothing while something else lies where the tombstone should', async () => {
    const one = await batch();
    const [store, key] = [await cold().primary(), tombstoneKey(one.manifestKey)];
    await store.put(key, Buffer.from('{}'));
    const stopped = { batch: one._id, reason: 'failing', code: 'AUDIT.TOMBSTONE_INVALID' };
    expect(await retire(366)).toMatchObject({ retired: 0, stopped });
    expect((await again(one)).state).toBe('done');
    await kept(one);
    await store.delete(key);
    expect(await retire(366)).toMatchObject({ retired: 1 });
  });

  it('keeps a batch whose record is not what the signed manifest says', async () => {
    const [first, second] = [await batch(), await batch()];
    const forgeries: [number, Partial<ArchiveBatch>][] = [
      [1, { minTs: '2020-01-01T00:00:00.000Z', maxTs: '2020-01-02T00:00:00.000Z' }],
      [366, { endSeq: second.endSeq }],
      [366, { jsonlKey: second.jsonlKey }],
      [366, { manifestKey: second.manifestKey, manifestSha256: second.manifestSha256 }],
    ];
    const { collection } = of(ArchiveBatches);
    for (const [day, forged] of forgeries) {
      await collection.updateOne({ _id: first._id }, { $set: forged });
      const stopped = { batch: first._id, reason: 'failing', code: 'AUDIT.ARCHIVE_ALTERED' };
      expect(await retire(day)).toMatchObject({ retired: 0, stopped });
      expect((await again(first)).state).toBe('done');
      await collection.replaceOne({ _id: first._id }, first);
    }
    await kept(first, second);
    expect(await of(Tombstones).of(first)).toBeUndefined();
    expect(await retire(366)).toMatchObject({ retired: 2 });
  });

  it('believes no stolen key that a batch is old', async () => {
    const ledger = new LedgerInRoom(room, 'stolen');
    await ledger.recordAndSign(300);
    await ledger.run();
    const [one] = await ledger.batches();
    await compromiseNoteKey(room, one!);
    const run = (days: number) => of(RetentionRun).runOnce('stolen', inDays(days));
    await ageByThief(room, one!);
    const stopped = { batch: one!._id, reason: 'failing', code: 'AUDIT.ARCHIVE_ALTERED' };
    expect(await run(0)).toMatchObject({ retired: 0, stopped });
    await kept(one!);
  });

  it('retires by its MAC what a key signed that is stolen since', async () => {
    const ledger = new LedgerInRoom(room, 'stolen-since');
    await ledger.recordAndSign(300);
    await ledger.run();
    await compromiseNoteKey(room, (await ledger.batches())[0]!);
    expect(await of(RetentionRun).runOnce('stolen-since', inDays(31))).toMatchObject({ retired: 1 });
  });

  it('takes no word of the database for what is to go', async () => {
    const [first, second] = [await batch(), await batch()];
    const retirements = of(Retirements);
    const [event] = await command<[Retirement['event']]>(new SealEvents([sampleDraft(0)]));
    const { _id, tenant, startSeq, endSeq } = first;
    const begun = { _id, tenant, startSeq, endSeq, event, state: 'begun', begun_at: new Date() } as const;
    for (const state of ['done', 'retired'] as const) {
      await of(ArchiveBatches).setState(_id, ['done'], state);
      await retirements.add({ ...begun, tombstone: 'x' });
      const stopped = { batch: _id, reason: 'failing', code: 'AUDIT.TOMBSTONE_INVALID' };
      expect(await retire(366)).toMatchObject({ retired: 0, stopped });
      await kept(first, second);
      await retirements.withdraw(_id);
    }
    await of(ArchiveBatches).setState(_id, ['retired'], 'done');
    jest.spyOn(cold(), 'remove').mockRejectedValueOnce(DIED);
    await retire(366);
    const update = { $set: { manifestKey: second.manifestKey } };
    await of(ArchiveBatches).collection.updateOne({ _id }, update);
    expect((await retire(366)).stopped).toMatchObject({ batch: _id, code: 'AUDIT.ARCHIVE_ALTERED' });
    await kept(first, second);
    await of(ArchiveBatches).collection.updateOne({ _id }, { $set: { manifestKey: first.manifestKey } });
    expect(await retire(366)).toMatchObject({ retired: 2 });
  });

  it('keeps what was begun and is not due any more', async () => {
    const one = await batch();
    jest.spyOn(of(ArchiveBatches), 'setState').mockRejectedValueOnce(DIED);
    await retire(366);
    expect(await of(Tombstones).of(one)).toBeDefined();
    expect(await retire(364)).toMatchObject({ retired: 0 });
    expect((await again(one)).state).toBe('done');
    await kept(one);
    expect((await of(RetentionReport).of(TENANT, inDays(1))).overdue).toEqual([]);
    expect(await retire(366)).toMatchObject({ retired: 1 });
    expect(await events('archive.retired', one)).toHaveLength(1);
  });

  it.each<[string, () => unknown]>([
    ['before the tombstone', () => jest.spyOn(room.module.get(Statements), 'text').mockRejectedValueOnce(DIED)],
    ['after the tombstone', () => jest.spyOn(of(ArchiveBatches), 'setState').mockRejectedValueOnce(DIED)],
    ['before it was certain', () => jest.spyOn(of(ArchiveBatches), 'setGoing').mockRejectedValueOnce(DIED)],
    ['before the objects', () => jest.spyOn(cold(), 'remove').mockRejectedValueOnce(DIED)],
    ['after the event', () => jest.spyOn(of(Retirements), 'done').mockRejectedValueOnce(DIED)],
  ])('is finished once by the next run when one died %s', async (_step, dies) => {
    const one = await batch();
    dies();
    expect(await retire(366)).toMatchObject({ retired: 0, stopped: { reason: 'failing', code: 'unknown' } });
    expect(await retire(366)).toMatchObject({ retired: 1 });
    expect((await again(one)).state).toBe('retired');
    expect(await events('archive.retired', one)).toHaveLength(1);
    expect(await of(Tombstones).of(one)).toBeDefined();
    await expect(objectOf(one.jsonlKey)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
  });

  it('reports a batch that is retired and whose objects do not go', async () => {
    const one = await batch();
    jest.spyOn(cold(), 'remove').mockRejectedValueOnce(DIED);
    await retire(366);
    const overdue = async () => (await of(RetentionReport).of(TENANT, inDays(367))).overdue;
    expect(await overdue()).toContainEqual(
      expect.objectContaining({ what: 'archived', from_seq: one.startSeq, reason: 'failing' }),
    );
    await retire(366);
    expect((await overdue()).filter(({ what }) => what === 'archived')).toEqual([]);
  });

  it('is found by its tombstone when the database forgot it', async () => {
    const one = await batch();
    await retire(366);
    const { text } = (await of(Tombstones).of(one))!;
    await of(ArchiveBatches).setState(one._id, ['retired'], 'done');
    await room.store.collection('archive_retirements').deleteMany({});
    expect(await retire(366)).toMatchObject({ retired: 1 });
    expect((await of(Tombstones).of(one))!.text).toBe(text);
    expect((await again(one)).state).toBe('retired');
  });

  it('is not taken back by another process once some of it is gone', async () => {
    const one = await batch();
    jest.spyOn(cold(), 'remove').mockRejectedValueOnce(DIED);
    await retire(366);
    const hold = await place('too-late', one.maxTs);
    await of(BatchRetiring).retire({ ...one, state: 'done' }, { days: 365, now: inDays(366) });
    expect((await again(one)).state).toBe('retired');
    expect(await events('archive.retired', one)).toHaveLength(1);
    await release(hold);
  });

  it('goes on when another process decided so before this one could take it back', async () => {
    const one = await batch();
    const [retiring, { collection }] = [of(BatchRetiring), of(ArchiveBatches)];
    const update = collection.updateOne.bind(collection);
    const look = { days: 365, now: inDays(366) };
    const holds = jest.spyOn(of(Holds), 'of').mockResolvedValueOnce(['first']);
    const other = jest.spyOn(collection, 'updateOne').mockImplementation(async (...given) => {
      if (!JSON.stringify(given[1]).includes('"done"')) return update(...given);
      other.mockRestore();
      holds.mockResolvedValueOnce([]);
      jest.spyOn(cold(), 'remove').mockRejectedValueOnce(DIED);
      await expect(retiring.retire(one, look)).rejects.toBe(DIED);
      return update(...given);
    });
    await retiring.retire(one, look);
    expect((await again(one)).state).toBe('retired');
    expect(await events('archive.retired', one)).toHaveLength(1);
  });

  it('stops when another process took it back after this one looked for holds', async () => {
    const one = await batch();
    const look = { days: 365, now: inDays(366) };
    const holds = jest.spyOn(of(Holds), 'of').mockImplementationOnce(async () => {
      holds.mockResolvedValueOnce(['second']);
      await expect(of(BatchRetiring).retire(one, look)).rejects.toMatchObject({ code: 'AUDIT.BATCH_HELD' });
      return [];
    });
    await expect(of(BatchRetiring).retire(one, look)).rejects.toMatchObject({ code: 'AUDIT.BATCH_HELD' });
    expect((await again(one)).state).toBe('done');
    await kept(one);
    expect(await retire(366)).toMatchObject({ retired: 1 });
  });

  it('reports objects that no record names, until they are gone', async () => {
    const one = await batch();
    await retire(366);
    const store = await cold().primary();
    await store.put(one.jsonlKey, Buffer.from('put by a copier that was late'));
    const orphans = async (days: number) => {
      await of(RetentionTask).round(inDays(days));
      return (await of(RetentionReport).of(TENANT, inDays(days))).overdue.filter(({ what }) => what === 'orphan');
    };
    expect(await orphans(0.5)).toEqual([]);
    const lines = room.lines.length;
    const { startSeq: from_seq, endSeq: to_seq } = one;
    expect(await orphans(1.5)).toMatchObject([{ from_seq, to_seq, reason: 'unnamed', code: null }]);
    const told = room.lines.slice(lines).filter((line) => line.includes('orphan'));
    expect(told.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ action: 'audit.cold_orphan', object_key: one.jsonlKey }),
    ]);
    await store.delete(one.jsonlKey);
    expect(await orphans(1.5)).toEqual([]);
  });

  it('goes on with the next ledger, whatever fails of one, and says what failed', async () => {
    await new LedgerInRoom(room, 'another').record(1);
    const [run, orphans, report] = [of(RetentionRun), of(OrphanedObjects), of(RetentionReport)];
    jest.spyOn(run, 'runOnce').mockRejectedValueOnce(DIED);
    const looks = jest.spyOn(orphans, 'look').mockRejectedValueOnce(DIED);
    const reports = jest.spyOn(report, 'of').mockRejectedValueOnce(DIED);
    const lines = room.lines.length;
    await of(RetentionTask).round(new Date());
    const ledgers = (await of(Ledgers).all()).map(({ _id }) => _id);
    expect(looks.mock.calls.map(([tenant]) => tenant)).toEqual(ledgers);
    expect(reports.mock.calls.map(([tenant]) => tenant)).toEqual(ledgers);
    const told = room.lines.slice(lines).map((line) => JSON.parse(line) as { tenant_id: string; action: string });
    const failed = told.filter((line) => line.tenant_id === ledgers[0] && line.action.endsWith('_failed'));
    expect(failed.map(({ action }) => action)).toEqual([
      'audit.retention_failed',
      'audit.orphan_look_failed',
      'audit.retention_report_failed',
    ]);
  });

  it('is proven by the copy of its tombstone, and by one that is hidden', async () => {
    const one = await batch();
    await retire(366);
    const store = await cold().primary();
    const gone = new ObjectStoreError('OBJECT_STORE.NOT_FOUND', 'hidden');
    const hidden = {
      get: (key: string, { version }: GetOptions) => (version === 'v1' ? store.get(key) : Promise.reject(gone)),
      versions: () => [
        { version: 'v2', newest: true, deleteMarker: true },
        { version: 'v1', newest: false, deleteMarker: false },
      ],
    } as unknown as ObjectStore;
    const primary = jest.spyOn(cold(), 'primary').mockResolvedValue(hidden);
    expect(await of(Tombstones).of(one)).toMatchObject({ batch: one._id });
    primary.mockRejectedValue(DIED);
    await expect(of(Tombstones).of(one)).rejects.toBe(DIED);
    const copy = jest.spyOn(cold(), 'copy').mockResolvedValue(store);
    expect(await of(Tombstones).of(one)).toMatchObject({ batch: one._id });
    primary.mockRestore();
    copy.mockRestore();
    expect(await of(Tombstones).of(one, { place: 'copy' })).toBeUndefined();
  });

  it('reports hot entries that nobody archives', async () => {
    await room.record(300);
    await room.sign();
    const report = (days: number) => of(RetentionReport).of(TENANT, inDays(days));
    expect((await report(91)).overdue).toEqual([]);
    expect(await report(93)).toMatchObject({
      retention_days: 365,
      hot_retention_days: 90,
      archive_enabled: false,
      overdue: [{ what: 'hot', from_seq: archived, reason: 'disabled' }],
    });
  });

  it('never goes before the lock of the cold store ends', async () => {
    const one = await batch();
    await (await cold().primary()).retain(one.manifestKey, inDays(500));
    expect(await retire(366)).toMatchObject({ retired: 0, stopped: { batch: one._id, reason: 'lock' } });
    expect((await again(one)).state).toBe('done');
    expect(await of(Tombstones).of(one)).toBeUndefined();
  });
});
