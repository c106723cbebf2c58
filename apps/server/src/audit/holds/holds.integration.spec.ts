import { CommandBus } from '@nestjs/cqrs';
import { parseEvent } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { AuditError } from '../audit.errors.js';
import type { Requester } from '../audit.types.js';
import { ColdStores } from '../cold/cold-stores.js';
import { EraseSubject } from '../commands/erase-subject.command.js';
import { PlaceHold, type PlacedHold } from '../commands/place-hold.command.js';
import { RecordEvents } from '../commands/record-events.command.js';
import { ReleaseHold } from '../commands/release-hold.command.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { RetentionRun } from '../retention/retention-run.js';
import { LegalHolds } from '../storage/holds.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { archiveRange } from '../tiers/archived-range.fixture.js';
import { HoldRecords } from './hold-records.js';
import { HoldRenewal } from './hold-renewal.js';
import { HoldTask } from './hold-task.js';
import { Holds } from './holds.js';

const OPERATOR: Requester = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };
const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);

describe('a legal hold', () => {
  let room: AuditRoom;
  let batch: ArchiveBatch;
  let hold: PlacedHold;
  beforeAll(async () => {
    room = await startRoom({ env: { AUDIT_RETENTION_DAYS: `${TENANT}=365` } });
    await room.recordPerson('Needed');
    await room.record(256);
    await room.sign();
    batch = await archiveRange(room, 0, 256);
  });
  afterAll(() => room.remove());
  beforeEach(
    async () => (hold = await run(new PlaceHold(TENANT, { case_id: 'case-1', subjects: ['Needed'] }, OPERATOR))),
  );
  afterEach(async () => {
    jest.restoreAllMocks();
    await release();
    expect([await cases(), await heldObjects()]).toEqual([[], 0]);
  });

  const of = <T>(provider: new (...args: never[]) => T): T => room.module.get<T>(provider);
  const run = <T>(command: object): Promise<T> => of(CommandBus).execute(command as never);
  const release = () => run(new ReleaseHold(TENANT, hold._id, OPERATOR));
  const document = () => of(LegalHolds).collection;
  const cases = async () => (await of(Holds).active(TENANT)).map(({ case_id }) => case_id);
  const said = async (...kinds: string[]) =>
    (await room.stored())
      .map(({ bytes }) => parseEvent(bytes))
      .filter((one) => kinds.includes(one.kind) && one.data!['hold'] === hold._id);
  const heldObjects = async (): Promise<number> => {
    const store = await of(ColdStores).primary();
    const found = await Promise.all([batch.jsonlKey, batch.manifestKey].map((key) => store.head(key)));
    return found.filter(({ legalHold }) => legalHold).length;
  };
  const assertHeld = async () => {
    await expect(run(new EraseSubject(TENANT, 'Needed', 'test', undefined, OPERATOR))).rejects.toMatchObject({
      code: 'AUDIT.ERASURE_HELD',
      details: [{ detail: 'case-1' }],
    });
    expect((await of(RetentionRun).runOnce(TENANT, inDays(366))).stopped).toMatchObject({ reason: 'hold' });
    await of(HoldTask).turn();
    expect(await heldObjects()).toBe(2);
  };

  it.each<[string, () => Promise<unknown>, object?]>([
    ['says released', () => document().updateOne({ _id: hold._id }, { $set: { released_at: new Date() } })],
    [
      'says that its release waits',
      () => document().updateOne({ _id: hold._id }, { $set: { released_at: new Date(), waits: true } }),
      { waits: true },
    ],
    ['is gone', () => document().deleteOne({ _id: hold._id })],
  ])(
    'holds on when its document %s and the ledger does not say so, and the document is put back',
    async (_how, alter, left = {}) => {
      await alter();
      room.lines.length = 0;
      await assertHeld();
      expect(room.lines.filter((line) => line.includes('audit.hold_altered'))).toHaveLength(1);
      const { _id, case_id, subjects } = hold;
      expect(await document().findOne({ _id })).toEqual({
        ...{ _id, tenant: TENANT, case_id, subjects },
        placed_at: expect.any(Date) as Date,
        unrecorded: [],
        ...left,
      });
      await assertHeld();
      expect(room.lines.filter((line) => line.includes('audit.hold_altered'))).toHaveLength(1);
    },
  );

  it('holds whom the ledger says, whatever its document says', async () => {
    await document().updateOne(
      { _id: hold._id },
      { $set: { subjects: ['0'.repeat(64)], until: '2020-01-01T00:00:00.000Z' } },
    );
    await assertHeld();
  });

  it('is said again before what says it leaves hot storage, and once', async () => {
    const renew = (days: number) => of(HoldRenewal).renew(TENANT, inDays(days));
    await renew(44);
    expect(await said('hold.placed')).toHaveLength(1);
    await renew(46);
    const [first, second, ...others] = await said('hold.placed');
    expect([second!.data, second!.refs, others]).toEqual([first!.data, first!.refs, []]);
    expect(second!.actor).toEqual({ type: 'system', id: 'holds' });
    await of(HoldTask).turn();
    expect(await said('hold.placed')).toHaveLength(2);
  });

  it('is said again though its document says that something waits', async () => {
    await document().updateOne({ _id: hold._id }, { $set: { waits: true } });
    await of(HoldRenewal).renew(TENANT, inDays(46));
    expect(await said('hold.placed')).toHaveLength(2);
  });

  it('is released again when it was said again after its release', async () => {
    const records = of(HoldRecords);
    const renewed = records.renewed.bind(records);
    jest.spyOn(records, 'renewed').mockImplementationOnce(async (terms) => {
      await release();
      await renewed(terms);
    });
    await of(HoldRenewal).renew(TENANT, inDays(46));
    expect((await said('hold.placed', 'hold.released')).map(({ kind, actor }) => [kind, actor.type])).toEqual([
      ['hold.placed', 'operator'],
      ['hold.released', 'operator'],
      ['hold.placed', 'system'],
      ['hold.released', 'system'],
    ]);
  });

  it('is not there again when its placing and its release leave hot storage while they are read', async () => {
    await release();
    const kind = { $in: ['hold.placed', 'hold.released'] };
    const ofKind = of(LedgerEntries).ofKind.bind(of(LedgerEntries));
    jest.spyOn(of(LedgerEntries), 'ofKind').mockImplementationOnce(async (...asked) => {
      const found = await ofKind(...asked);
      await room.entries.updateMany({ tenant: TENANT, kind }, { $set: { tenant: 'left' } });
      return found;
    });
    expect(await cases()).toEqual([]);
    await room.entries.updateMany({ tenant: 'left' }, { $set: { tenant: TENANT } });
  });

  it('is said again when what says it has left hot storage', async () => {
    await room.entries.updateMany({ tenant: TENANT, kind: 'hold.placed' }, { $set: { kind: 'left' } });
    expect(await cases()).toEqual(['case-1']);
    await of(HoldTask).turn();
    await document().deleteOne({ _id: hold._id });
    await assertHeld();
    await room.entries.updateMany({ tenant: TENANT, kind: 'left' }, { $set: { kind: 'hold.placed' } });
  });

  it('holds until the ledger says that it is released', async () => {
    const bus = of(CommandBus);
    const execute = bus.execute.bind(bus);
    jest.spyOn(bus, 'execute').mockImplementation(async (order) => {
      if (order instanceof RecordEvents) throw new AuditError('AUDIT.OUTCOME_UNKNOWN', 'no answer');
      return execute(order as never);
    });
    await expect(release()).rejects.toMatchObject({ code: 'AUDIT.OUTCOME_UNKNOWN' });
    expect([await cases(), await heldObjects()]).toEqual([['case-1'], 2]);
    jest.restoreAllMocks();
    await of(HoldTask).turn();
    expect([await cases(), await heldObjects()]).toEqual([[], 0]);
    expect(await said('hold.released')).toHaveLength(1);
  });

  it('holds on when its release waited for longer than an event may, and can be released again', async () => {
    const bus = of(CommandBus);
    const execute = bus.execute.bind(bus);
    jest.spyOn(bus, 'execute').mockImplementation(async (order) => {
      if (order instanceof RecordEvents) throw new AuditError('AUDIT.EVENT_TOO_OLD', 'too old');
      return execute(order as never);
    });
    await release();
    jest.restoreAllMocks();
    expect((await of(LegalHolds).find(TENANT, hold._id))?.released_at).toBeUndefined();
    await assertHeld();
  });
});
