import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import { canonicalJson, parseEvent } from '#libs/ledger';
import { ObjectStoreError } from '#libs/object-store';
import { sampleDraft, startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import type { Requester } from '../audit.types.js';
import { archiveRange } from '../tiers/archived-range.fixture.js';
import { ColdStores } from '../cold/cold-stores.js';
import { Statements } from '../cold/statements.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { GetEventProof } from '../queries/get-event-proof.query.js';
import { RecordEvents } from '../commands/record-events.command.js';
import { SealEvents } from '../commands/seal-events.command.js';
import { EraseSubject } from '../commands/erase-subject.command.js';
import { PlaceHold, type PlacedHold } from '../commands/place-hold.command.js';
import { ReleaseHold } from '../commands/release-hold.command.js';
import { ReplayErasures } from '../commands/replay-erasures.command.js';
import { GetSubjects } from '../queries/get-subjects.query.js';
import { Erasures } from '../storage/erasures.store.js';
import { LegalHolds } from '../storage/holds.store.js';
import { SubjectKeys } from '../storage/subject-keys.store.js';
import { ErasureTask } from './erasure-task.js';
import type { Erasure } from './erasure.types.js';
import { receiptKey } from './receipt.js';

const OPERATOR: Requester = { tenant: TENANT, actor: { type: 'operator', id: 'olga' } };
const DIED = new Error('the process died');

describe('erasure', () => {
  let room: AuditRoom;
  beforeAll(async () => {
    room = await startRoom();
    await room.record(3);
  });
  afterAll(() => room.remove());
  afterEach(() => jest.restoreAllMocks());

  const of = <T>(provider: new (...args: never[]) => T): T => room.module.get<T>(provider);
  const run = <T>(command: object): Promise<T> => of(CommandBus).execute(command as never);
  const erase = (subject: string): Promise<Erasure> =>
    run(new EraseSubject(TENANT, subject, 'person_asked', undefined, OPERATOR));
  const named = async (subject: string): Promise<string> => {
    await room.recordPerson(subject);
    return (await of(SubjectKeys).find(TENANT, subject))!.pseudonym;
  };
  const isPlaced = async (caseId: string, placing: Promise<unknown>): Promise<void> => {
    const cases = async () => (await of(LegalHolds).active(TENANT)).map(({ case_id }) => case_id);
    while (!(await cases()).includes(caseId)) await Promise.race([setImmediate(), placing]);
  };
  const known = (pseudonym: string): Promise<Record<string, string>> =>
    of(QueryBus).execute(new GetSubjects(TENANT, [pseudonym]));
  const erasedEvents = async (pseudonym: string) =>
    (await room.stored())
      .map(({ bytes }) => parseEvent(bytes))
      .filter(({ kind, data }) => kind === 'subject.erased' && data?.['subject'] === pseudonym);
  /** Everything in the database, as text. */
  const everything = async (): Promise<string> => {
    const { connection } = room.store;
    const database = connection.getClient().db(connection.name);
    const names = (await database.listCollections().toArray()).map(({ name }) => name);
    const found = await Promise.all(names.map((name) => database.collection(name).find().toArray()));
    return (
      JSON.stringify(found) +
      found
        .flat()
        .map((one) => Buffer.from(one['bytes']?.buffer ?? ''))
        .join('\n')
    );
  };

  it('takes the person out of everything that is kept, and leaves the ledger as it was', async () => {
    const pseudonym = await named('Ada Lovelace');
    await room.record(260);
    await room.sign();
    const proofs = async () => {
      const found = await Promise.all(asked.map((id) => of(QueryBus).execute(new GetEventProof(TENANT, id, size))));
      return found.map(({ proof, bytes }) => ({ proof, bytes }));
    };
    const ids = (await room.stored()).map(({ event_id }) => event_id);
    const [asked, size] = [[ids[3]!, ids.at(-1)!], ids.length];
    await archiveRange(room, 0, 256);
    const [before, proven] = [await room.verify(), await proofs()];
    const [prefix, heldBack] = [await room.stored(), await everything()];
    expect(heldBack).toContain('Ada Lovelace');
    expect(await known(pseudonym)).toEqual({ [pseudonym]: 'Ada Lovelace' });

    const done = await erase('Ada Lovelace');

    expect(done).toMatchObject({ state: 'done', pseudonym, replays: 0 });
    expect(await known(pseudonym)).toEqual({});
    const [event, ...others] = await erasedEvents(pseudonym);
    expect(others).toEqual([]);
    expect(event!.data).toMatchObject({
      erasure: done._id,
      reason: 'person_asked',
      replayed: false,
      size,
    });
    const kept = await everything();
    expect(kept).toContain(pseudonym);
    expect(kept).not.toContain('Lovelace');
    expect(room.lines.join('')).not.toContain('Lovelace');
    await room.sign();
    const after = await room.verify();
    expect(before).toMatchObject({ tier: 'consistent', breaks: [] });
    expect(after).toMatchObject({ tier: 'consistent', breaks: [] });
    expect((await room.stored()).slice(0, prefix.length)).toEqual(prefix);
    expect(after.batches).toMatchObject({ verified: 1 });
    expect(await proofs()).toEqual(proven);
    await expect(erase('Ada Lovelace')).rejects.toMatchObject({ code: 'AUDIT.SUBJECT_NOT_FOUND' });
  });

  it('leaves nothing in the files of the embedded engine once it has used the pages again', async () => {
    const pseudonym = await named('Written Down');
    const key = await room.store.collection('subject_keys').findOne({ tenant: TENANT, pseudonym });
    const traces = [Buffer.from('Written Down'), Buffer.from(key!['key'].buffer)];
    const found = async (): Promise<number> => {
      const files = (await readdir(room.dataDir, { recursive: true, withFileTypes: true })).filter((one) =>
        one.isFile(),
      );
      const bytes = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
      return traces.filter((trace) => bytes.some((file) => file.includes(trace))).length;
    };
    expect(await found()).toBe(2);
    await erase('Written Down');
    let writes = 0;
    for (; writes < 200 && (await found()) > 0; writes++) await room.record(1);
    expect(writes).toBeLessThan(200);
  });

  it('gives the person another pseudonym afterwards, in every process', async () => {
    const pseudonym = await named('Grace Hopper');
    const elsewhere = new SubjectKeys(room.store);
    const namedElsewhere = async () => (await elsewhere.pseudonyms(TENANT, ['Grace Hopper'])).get('Grace Hopper');
    const [keys, erasures] = [of(SubjectKeys), of(Erasures)];
    const [destroy, setState] = [keys.destroy.bind(keys), erasures.setState.bind(erasures)];
    const seen: (string | undefined)[] = [];
    // The other process reads the key in the last moment in which it is there.
    jest.spyOn(keys, 'destroy').mockImplementationOnce(async (...given) => {
      seen.push(await namedElsewhere());
      return destroy(...given);
    });
    jest.spyOn(erasures, 'setState').mockImplementation(async (...given) => {
      if (given[2] === 'destroyed') seen.push(await namedElsewhere());
      return setState(...given);
    });
    await erase('Grace Hopper');
    const next = await namedElsewhere();
    expect(seen).toEqual([pseudonym, next]);
    expect(next).toMatch(/^[0-9a-f]{64}$/);
    expect(next).not.toBe(pseudonym);
    expect(await named('Grace Hopper')).toBe(next);
    expect(await known(next!)).toEqual({ [next!]: 'Grace Hopper' });
  });

  it.each([
    ['a key of the operator', { ...OPERATOR, actor: { type: 'service', id: 'x' } }, TENANT, 'AUDIT.OPERATOR_REQUIRED'],
    ['a ledger', OPERATOR, 'nobody', 'AUDIT.LEDGER_NOT_FOUND'],
    ['a person that is known', OPERATOR, TENANT, 'AUDIT.SUBJECT_NOT_FOUND'],
  ] as const)('needs %s', async (_what, requester, tenant, code) => {
    const order = new EraseSubject(tenant, 'Nobody Known', 'person_asked', undefined, requester);
    await expect(run(order)).rejects.toMatchObject({ code });
    await expect(run(order)).rejects.not.toMatchObject({ message: expect.stringContaining('Nobody') as string });
  });

  it('says in the ledger which request ordered it, and the hold before it', async () => {
    const request = { request_id: 'req-1', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' };
    const pseudonym = await named('Traced');
    const hold = await run<PlacedHold>(
      new PlaceHold(TENANT, { case_id: 'traced', subjects: ['Traced'] }, { ...OPERATOR, ...request }),
    );
    await run(new ReleaseHold(TENANT, hold._id, { ...OPERATOR, ...request }));
    await run(new EraseSubject(TENANT, 'Traced', 'test', 'dsr-1', { ...OPERATOR, ...request }));
    const said = (await room.stored()).map(({ bytes }) => parseEvent(bytes));
    const refs = (kind: string) => said.findLast((event) => event.kind === kind)?.refs;
    expect(refs('hold.placed')).toEqual({ case_id: 'traced', ...request });
    expect(refs('hold.released')).toEqual({ case_id: 'traced', ...request });
    expect(refs('subject.erased')).toEqual({ case_id: 'dsr-1', ...request });
    expect(await erasedEvents(pseudonym)).toHaveLength(1);
  });

  it('waits while a legal hold lies on the person, and names the cases', async () => {
    const pseudonym = await named('Held Person');
    const other = await named('Other Person');
    const place = (request: object) => run<{ _id: string }>(new PlaceHold(TENANT, request as never, OPERATOR));
    const mine = await place({ case_id: 'case-1', subjects: ['Held Person'] });
    const all = await place({ case_id: 'case-2', since: '2020-01-01T00:00:00.000Z' });
    const past = await place({ case_id: 'case-3', until: '2020-01-01T00:00:00.000Z' });
    await expect(erase('Held Person')).rejects.toMatchObject({
      code: 'AUDIT.ERASURE_HELD',
      details: [{ detail: 'case-1' }, { detail: 'case-2' }],
    });
    await run(new ReleaseHold(TENANT, all._id, OPERATOR));
    expect(await erase('Other Person')).toMatchObject({ state: 'done', pseudonym: other });
    await expect(erase('Held Person')).rejects.toMatchObject({ details: [{ detail: 'case-1' }] });
    expect(await known(pseudonym)).toEqual({ [pseudonym]: 'Held Person' });
    for (const { _id } of [mine, past]) await run(new ReleaseHold(TENANT, _id, OPERATOR));
    expect(await erase('Held Person')).toMatchObject({ state: 'done', pseudonym });
  });

  it('is withdrawn when a hold is placed before the receipt is stored, and not when after', async () => {
    const pseudonym = await named('Late Person');
    /** While the erasure is begun, placing waits for what becomes of it. */
    const hold = async (): Promise<Promise<PlacedHold>[]> => {
      const placing = run<PlacedHold>(new PlaceHold(TENANT, { case_id: 'late' }, OPERATOR));
      await isPlaced('late', placing);
      return [placing];
    };
    jest.spyOn(of(ColdStores), 'primary').mockRejectedValueOnce(DIED);
    await expect(erase('Late Person')).rejects.toBe(DIED);
    const [placing] = await hold();
    await of(ErasureTask).turn();
    expect(await of(Erasures).of(TENANT, pseudonym)).toBeNull();
    const early = (await placing)!;
    expect(early.erasures).toEqual([]);
    await run(new ReleaseHold(TENANT, early._id, OPERATOR));
    jest.spyOn(of(Erasures), 'setState').mockRejectedValueOnce(DIED);
    await expect(erase('Late Person')).rejects.toBe(DIED);
    const [placingLate] = await hold();
    await of(ErasureTask).turn();
    expect(await of(Erasures).of(TENANT, pseudonym)).toMatchObject({ state: 'done' });
    const late = (await placingLate)!;
    expect(late.erasures).toMatchObject([{ pseudonym }]);
    await run(new ReleaseHold(TENANT, late._id, OPERATOR));
  });

  it.each([
    ['the-person', { subjects: ['In Between'] }],
    ['everyone', {}],
  ])('is named by a hold on %s that is placed while the receipt is put', async (case_id, whom) => {
    await named('In Between');
    const statements = of(Statements);
    const put = statements.put.bind(statements);
    const placing: Promise<PlacedHold>[] = [];
    jest.spyOn(statements, 'put').mockImplementationOnce(async (...given) => {
      placing.push(run(new PlaceHold(TENANT, { case_id, ...whom }, OPERATOR)));
      await isPlaced(case_id, placing[0]!);
      return put(...given);
    });
    const { _id } = await erase('In Between');
    const [hold] = await Promise.all(placing);
    expect(hold!.erasures).toMatchObject([{ _id, state: expect.not.stringMatching('intended') as string }]);
    await run(new ReleaseHold(TENANT, hold!._id, OPERATOR));
  });

  it('is no concern of a hold on a time before the person was known, nor of one on others', async () => {
    await named('Elsewhere');
    jest.spyOn(of(ColdStores), 'putOptions').mockImplementationOnce(died);
    await expect(erase('Elsewhere')).rejects.toBe(DIED);
    for (const whom of [{ until: '2020-01-01T00:00:00.000Z' }, { subjects: ['Somebody Else'] }]) {
      const hold = await run<PlacedHold>(new PlaceHold(TENANT, { case_id: 'other', ...whom }, OPERATOR));
      expect(hold.erasures).toEqual([]);
      await run(new ReleaseHold(TENANT, hold._id, OPERATOR));
    }
    await of(ErasureTask).turn();
  });

  it('waits, and says why, while an object that this program did not put lies at the key of its receipt', async () => {
    const pseudonym = await named('Foreign Receipt');
    const store = await of(ColdStores).primary();
    jest.spyOn(store, 'head').mockRejectedValue(new ObjectStoreError('OBJECT_STORE.CORRUPT', 'put by another program'));
    await expect(erase('Foreign Receipt')).rejects.toMatchObject({ code: 'AUDIT.RECEIPT_INVALID' });
    jest.restoreAllMocks();
    await of(ErasureTask).turn();
    expect(await of(Erasures).of(TENANT, pseudonym)).toMatchObject({ state: 'done' });
  });

  it('goes on when another process, which met a hold, withdrew it while the receipt was put', async () => {
    const pseudonym = await named('Withdrawn Elsewhere');
    const statements = of(Statements);
    const put = statements.put.bind(statements);
    jest.spyOn(statements, 'put').mockImplementationOnce(async (...given) => {
      await of(Erasures).withdraw((await of(Erasures).of(TENANT, pseudonym))!._id);
      return put(...given);
    });
    await erase('Withdrawn Elsewhere');
    expect(await of(Erasures).of(TENANT, pseudonym)).toMatchObject({ state: 'done' });
    expect(await erasedEvents(pseudonym)).toHaveLength(1);
  });

  const DEATHS: [string, () => unknown][] = [
    ['before the receipt', () => jest.spyOn(of(ColdStores), 'putOptions').mockImplementationOnce(died)],
    ['after the receipt', () => dieAt(1)],
    ['before the key', () => jest.spyOn(of(SubjectKeys), 'destroy').mockImplementationOnce(died)],
    ['after the key', () => dieAt(2)],
    ['after the event', () => dieAt(3)],
  ];
  const died = (): never => {
    throw DIED;
  };
  /** At the so manieth change of the record's state. */
  function dieAt(call: number): void {
    const erasures = of(Erasures);
    const setState = erasures.setState.bind(erasures);
    const spied = jest.spyOn(erasures, 'setState');
    for (let before = 1; before < call; before++) spied.mockImplementationOnce(setState);
    spied.mockImplementationOnce(died);
  }

  it.each(DEATHS)('is finished once by the next process when one died %s', async (step, dies) => {
    const pseudonym = await named(`person ${step}`);
    dies();
    await expect(erase(`person ${step}`)).rejects.toBe(DIED);
    await of(ErasureTask).turn();
    const erasure = await of(Erasures).of(TENANT, pseudonym);
    expect(erasure).toMatchObject({ state: 'done', replays: 0 });
    expect(await of(SubjectKeys).existing(TENANT, [pseudonym])).toEqual(new Map());
    expect(await erasedEvents(pseudonym)).toHaveLength(1);
    await (await of(ColdStores).primary()).head(receiptKey(erasure!));
  });

  it('is done again when a restored backup has the key', async () => {
    const pseudonym = await named('Backed Up');
    const keys = room.store.collection('subject_keys');
    const backup = await keys.findOne({ tenant: TENANT, pseudonym });
    const { _id } = await erase('Backed Up');
    for (const [replays, alsoLost] of [
      [1, false],
      [1, true],
    ] as const) {
      await keys.insertOne(backup!);
      if (alsoLost) await room.store.collection('erasures').deleteOne({ tenant: TENANT, pseudonym });
      expect(await known(pseudonym)).toEqual({ [pseudonym]: 'Backed Up' });
      expect(await run(new ReplayErasures(OPERATOR))).toMatchObject({ again: [_id], invalid: [] });
      expect(await known(pseudonym)).toEqual({});
      expect(await of(Erasures).of(TENANT, pseudonym)).toMatchObject({ _id, state: 'done', replays });
    }
    const events = await erasedEvents(pseudonym);
    expect(events.map(({ data }) => data!['replayed'])).toEqual([false, true, true]);
    expect(await run(new ReplayErasures(OPERATOR))).toMatchObject({ again: [] });
  });

  it('is not ordered by what others put among the receipts', async () => {
    const pseudonym = await named('Safe Person');
    const victim = await named('Erased Person');
    const done = await erase('Erased Person');
    const store = await of(ColdStores).primary();
    const [forgedId, movedId] = [uuidv7(), uuidv7()];
    const [forgedKey, movedKey] = [forgedId, movedId].map((_id) => receiptKey({ ...done, _id }));
    const envelope = JSON.parse(done.receipt) as { payload: string };
    const said = Buffer.from(envelope.payload, 'base64').toString().replace(victim, pseudonym);
    const payload = Buffer.from(said.replace(done._id, forgedId)).toString('base64');
    const forged = canonicalJson({ ...envelope, payload });
    await store.put(forgedKey!, Buffer.from(forged));
    await store.put(movedKey!, Buffer.from(done.receipt));
    const replayed = await run<{ invalid: string[] }>(new ReplayErasures(OPERATOR));
    expect(replayed.invalid.sort()).toEqual([forgedKey, movedKey].sort());
    expect(await known(pseudonym)).toEqual({ [pseudonym]: 'Safe Person' });
    expect(room.lines.join('')).toContain('audit.erasure_receipt_invalid');
  });

  it('is done again though another object among the receipts cannot be read', async () => {
    const pseudonym = await named('Read All The Same');
    const { _id } = await erase('Read All The Same');
    const store = await of(ColdStores).primary();
    const [damaged, encrypted] = [1, 2].map((ms) => receiptKey({ tenant: TENANT, _id: uuidv7(ms) })) as [
      string,
      string,
    ];
    const foreign = receiptKey({ tenant: TENANT, _id: 'notes' });
    for (const key of [damaged, encrypted, foreign]) await store.put(key, Buffer.from('anything'));
    await room.store.collection('erasures').deleteOne({ tenant: TENANT, pseudonym });
    const get = store.get.bind(store);
    const read: string[] = [];
    jest.spyOn(store, 'get').mockImplementation(async (key, options) => {
      read.push(key);
      if (key === damaged) throw new ObjectStoreError('OBJECT_STORE.CORRUPT', 'put by another program');
      if (key === encrypted) throw new ObjectStoreError('OBJECT_STORE.DENIED', 'under a key of others');
      return get(key, options);
    });
    const { again, invalid } = await of(ErasureTask).replayNow();
    expect(again.map((erasure) => erasure._id)).toEqual([_id]);
    expect(invalid).toEqual(expect.arrayContaining([damaged, encrypted, foreign]));
    expect(read).not.toContain(foreign);
    // Nobody can tell that it is no receipt.
    await expect(run(new ReplayErasures(OPERATOR))).rejects.toMatchObject({ code: 'OBJECT_STORE.DENIED' });
    await store.delete(foreign);
  });

  it('is done again though the receipts of another ledger cannot be read, which is told', async () => {
    const other = { tenant: 'zeta', actor: OPERATOR.actor };
    const draft = sampleDraft(0, { scope: { tenant: other.tenant }, data: { step: 0, who: 'Of Zeta' } });
    await run(new RecordEvents(other.tenant, await of(CommandBus).execute(new SealEvents([draft]))));
    const { _id, pseudonym } = await run<Erasure>(
      new EraseSubject(other.tenant, 'Of Zeta', 'person_asked', undefined, other),
    );
    await room.store.collection('erasures').deleteOne({ tenant: other.tenant, pseudonym });
    const store = await of(ColdStores).primary();
    const list = store.list.bind(store);
    jest.spyOn(store, 'list').mockImplementation((prefix, options) => {
      if (prefix.includes(`/${TENANT}/`)) throw new ObjectStoreError('OBJECT_STORE.DENIED', 'not now');
      return list(prefix, options);
    });
    await expect(run(new ReplayErasures(OPERATOR))).rejects.toMatchObject({ code: 'OBJECT_STORE.DENIED' });
    expect(await of(Erasures).find(other.tenant, _id)).toMatchObject({ state: 'done', replays: 1 });
    const told = room.lines.find((line) => line.includes('audit.erasure_replay_failed'));
    expect(told).toContain(`"tenant_id":"${TENANT}"`);
  });

  it('is known by its receipt when the note key has changed since', async () => {
    const pseudonym = await named('Long Ago');
    const { _id } = await erase('Long Ago');
    await room.module.get(AuditKeys).add('note');
    await room.store.collection('erasures').deleteOne({ tenant: TENANT, pseudonym });
    expect(await run(new ReplayErasures(OPERATOR))).toMatchObject({ again: [_id] });
  });

  it('is done again by the next start, before anything is answered', async () => {
    const pseudonym = await named('Set Back');
    const keys = room.store.collection('subject_keys');
    const backup = await keys.findOne({ tenant: TENANT, pseudonym });
    await erase('Set Back');
    await keys.insertOne(backup!);
    await room.close();
    room = await startRoom({ dataDir: room.dataDir, roles: 'api,ledger' });
    expect(await known(pseudonym)).toEqual({});
    await of(ErasureTask).turn();
    expect((await erasedEvents(pseudonym)).map(({ data }) => data!['replayed'])).toEqual([false, true]);
  });
});
