import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type mongoose from 'mongoose';
import { base64Of, equalBytes, parseEvent, rootOf, verifyCheckpoint, type StoredEntry } from '#libs/ledger';
import { wireCommand, WireProxy } from '#libs/testing';
import { sampleDraft, startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { CheckpointSigner, type Signed } from '../checkpoints/checkpoint-signer.js';
import { StartCheck } from '../checkpoints/start-check.js';
import { Suspending } from '../checkpoints/suspending.js';
import { chained, emptyHead, preparedEvent } from '../domain/entry.js';
import { SYSTEM } from '../domain/origin.js';
import { signedNoteOf } from '../domain/stored-checkpoint.js';
import { RecordEvents, SealEvents } from '../index.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { GetLedger, type LedgerDetail } from '../queries/get-ledger.query.js';
import { ListLedgers } from '../queries/list-ledgers.query.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { ReopenLedger, type Reopened } from './reopen-ledger.command.js';

const OPERATOR = { tenant: 'default', actor: { type: 'operator', id: 'Grace Hopper' } } as const;
const COLLECTIONS = ['ledger_entries', 'ledger_checkpoints', 'ledger_heads', 'ledger_tiles', 'ledgers'];

/** `all` in the long form; otherwise so many, others on each run. */
const SOME = process.env['FAULT_CASES'] ?? '1';
const SHIFT = Math.random();
const some = <T>(all: readonly T[]): readonly T[] => {
  if (SOME === 'all') return all;
  const from = Math.floor(SHIFT * all.length);
  return [...all.slice(from), ...all.slice(0, from)].slice(0, Number(SOME));
};

type Backup = Map<string, mongoose.mongo.Document[]>;

describe('reopening a suspended ledger', () => {
  let room: AuditRoom;
  beforeEach(async () => {
    room = await startRoom();
  });
  afterEach(() => room.remove());

  it('goes on after a restored backup, under an origin of its own, and says what was lost', async () => {
    await lossOf();
    await checked();
    const detail = await ledger();
    expect(detail).toMatchObject({
      state: 'suspended',
      suspended: { reason: 'the store has 5 entries, 8 were signed' },
      store: { good: { size: 4, root: await rootAt(4) }, signed_size: 8, follows_to: 5, broken: null },
    });
    await expect(room.record(1)).rejects.toMatchObject({ code: 'AUDIT.SUSPENDED' });

    expect(await reopen(detail)).toEqual({ tenant: TENANT, origin: originOf(2), incarnation: 2, seq: 5 });
    await room.record(2, 10);
    expect(await sign()).toEqual({ state: 'signed', size: 8 });
    expect(parseEvent((await stored())[5]!.bytes)).toMatchObject({
      kind: 'ledger.reopened',
      actor: { type: 'operator', id: expect.stringMatching(/^[0-9a-f]{64}$/) },
      data: { incarnation: 2, good_size: 4, signed_size: 8, reason: 'backup_restored' },
    });
    await expectOneHistory();
    expect((await checkpoints()).map(({ origin, size }) => [origin, size])).toEqual([
      [originOf(1), 4],
      [originOf(2), 8],
    ]);
    expect(await ledger()).toMatchObject({
      state: 'open',
      origin: originOf(2),
      incarnation: 2,
      former: [{ origin: originOf(1), good_size: 4, next_seq: 5 }],
    });
    const incarnation = { incarnation: 2, origin: originOf(2), from_seq: 5, good_size: 4 };
    expect(await room.verify()).toMatchObject({
      tier: 'consistent',
      breaks: [],
      size: 8,
      incarnations: [{ ...incarnation, unproven: { from: 4, to: 4 }, lost: { from: 5, to: 7 } }],
    });
    const copies = await room.store.collection<StoredEntry>('ledger_entries').find({ tenant: SYSTEM }).toArray();
    expect(copies.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['ledger.suspended', 'ledger.reopened']));
  });

  it('keeps open after a restart, and is suspended again when that is lost too: incarnation 3', async () => {
    const before = await lossOf();
    await checked();
    await reopen(await ledger());
    await sign();
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
    await checked();
    expect((await ledger()).state).toBe('open');
    await restore(before);
    await checked();
    const detail = await ledger();
    expect(detail.suspended?.reason).toBe('the store has incarnation 1, 2 was signed');
    expect(await reopen(detail)).toMatchObject({ origin: originOf(3), incarnation: 3 });
    await room.record(1, 20);
    expect((await sign()).state).toBe('signed');
    await expectOneHistory();
    expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [], size: 7 });
    expect((await ledger()).former.map(({ origin }) => origin)).toEqual([originOf(1), originOf(2)]);
  });

  it('takes what was altered out of the way, and keeps it', async () => {
    await room.record(4);
    await sign();
    await room.record(300, 4);
    await sign();
    await rewriteFrom(6);
    await checked();
    const detail = await ledger();
    expect(detail).toMatchObject({
      suspended: { reason: 'seq 303 is not the one that was signed' },
      store: { good: { size: 4 }, signed_size: 304, follows_to: 304 },
    });
    expect(await reopen(detail)).toMatchObject({ incarnation: 2, seq: 4 });
    await room.record(300, 400);
    expect(await sign()).toEqual({ state: 'signed', size: 305 });
    await expectOneHistory();
    expect(await room.verify()).toMatchObject({
      tier: 'consistent',
      breaks: [],
      incarnations: [{ from_seq: 4, good_size: 4, unproven: null, lost: { from: 4, to: 303 } }],
    });
    expect(await setAside()).toEqual({ ledger_entries: 300, ledger_checkpoints: 1, ledger_tiles: 1 });
  });

  it('opens a ledger that was dropped whole, from nothing', async () => {
    await room.record(3);
    await sign();
    for (const name of COLLECTIONS) await room.store.collection(name).deleteMany({});
    await checked();
    const detail = await ledger();
    expect(detail).toMatchObject({ state: 'suspended', store: { good: { size: 0 }, signed_size: 3 } });
    expect(await reopen(detail)).toMatchObject({ incarnation: 2, seq: 0 });
    await room.record(1);
    expect(await sign()).toEqual({ state: 'signed', size: 2 });
    await expectOneHistory();
  });

  it('opens the system ledger too: its own first entry is the record', async () => {
    await record(SYSTEM, 3);
    await sign(SYSTEM);
    await room.store.collection('ledger_entries').deleteMany({ tenant: SYSTEM });
    await room.store.collection('ledger_checkpoints').deleteMany({ tenant: SYSTEM });
    await checked();
    const detail = await ledger(SYSTEM);
    expect(detail).toMatchObject({ state: 'suspended', store: { good: { size: 0 }, signed_size: 3 } });
    expect(await reopen(detail)).toMatchObject({ origin: originOf(2, SYSTEM), seq: 0 });
    expect(await sign(SYSTEM)).toEqual({ state: 'signed', size: 1 });
    await expectOneHistory(SYSTEM);
  });

  it('refuses another confirmation, an open ledger, one that is not there, and whoever is no operator', async () => {
    await lossOf();
    await checked();
    const detail = await ledger();
    const { size, root } = detail.store!.good;
    const other = base64Of(new Uint8Array(32));
    const by = (good: { size: number; root: string }, requester: ReopenLedger['requester'] = OPERATOR) =>
      commands().execute(new ReopenLedger(TENANT, good, 'backup_restored', requester));
    await expect(by({ size, root: other })).rejects.toMatchObject({ code: 'AUDIT.CONFIRMATION_WRONG' });
    await expect(by({ size: 5, root })).rejects.toMatchObject({ code: 'AUDIT.CONFIRMATION_WRONG' });
    const tenant = { tenant: TENANT, actor: { type: 'service', id: 'x' } } as const;
    await expect(by({ size, root }, tenant)).rejects.toMatchObject({ code: 'AUDIT.OPERATOR_REQUIRED' });
    const list = (requester: ReopenLedger['requester']) =>
      room.module.get(QueryBus).execute(new ListLedgers(requester));
    await expect(list(tenant)).rejects.toMatchObject({ code: 'AUDIT.OPERATOR_REQUIRED' });
    expect(await list(OPERATOR)).toContainEqual(
      expect.objectContaining({ tenant: TENANT, state: 'suspended', size: 5 }),
    );
    await by({ size, root });
    await expect(by({ size, root })).rejects.toMatchObject({ code: 'AUDIT.LEDGER_OPEN' });
    const nobody = new ReopenLedger('nobody', { size, root }, 'test', OPERATOR);
    await expect(commands().execute(nobody)).rejects.toMatchObject({ code: 'AUDIT.LEDGER_NOT_FOUND' });
  });

  it(`goes on when the order is given again, whichever of its writes is lost or only seems to be (${SOME})`, async () => {
    const proxy = await WireProxy.before(room.store.uri);
    const through = await startRoom({ dataDir: room.dataDir, uri: proxy.uri });
    const order = async (tenant: string): Promise<() => Promise<Reopened>> => {
      await lossOf(tenant);
      await room.module.get(Suspending).suspend((await find(tenant))!, 'lost');
      const { good } = (await ledger(tenant)).store!;
      const given = new ReopenLedger(tenant, good, 'backup_restored', OPERATOR);
      return () => through.module.get(CommandBus).execute(given);
    };
    try {
      const calm = await order('calm');
      let writes = 0;
      proxy.onRequest = (message) => void (isWrite(message, 'calm') && ++writes);
      await calm();
      const points = Array.from({ length: writes }, (_, i) => [`lost-${i + 1}`, `kept-${i + 1}`]).flat();
      for (const tenant of some(points)) {
        const [fault, nth] = tenant.split('-') as ['lost' | 'kept', string];
        const give = await order(tenant);
        let seen = 0;
        proxy.failNext((message) => isWrite(message, tenant) && ++seen === Number(nth), fault);
        const outcome = await give()
          .catch(give)
          .catch((error: { code?: string }) => error.code);
        // The reply that was lost may have been the last one.
        const reopened = { tenant, origin: originOf(2, tenant), incarnation: 2, seq: 5 };
        expect([reopened, 'AUDIT.LEDGER_OPEN']).toContainEqual(outcome);
        await record(tenant, 1);
        expect(await sign(tenant)).toEqual({ state: 'signed', size: 7 });
        await expectOneHistory(tenant);
        expect(await reopenings(tenant)).toEqual([5]);
      }
      expect(proxy.struck).toBe(some(points).length);
    } finally {
      await through.close();
      await proxy.close();
    }
  }, 120_000);

  const originOf = (incarnation: number, tenant = TENANT): string =>
    `assay.test/ledger/${tenant}${incarnation === 1 ? '' : `/${incarnation}`}`;
  const commands = () => room.module.get(CommandBus);
  const find = (tenant = TENANT) => room.module.get(Ledgers).find(tenant);
  const sign = async (tenant = TENANT): Promise<Signed> =>
    room.module.get(CheckpointSigner).sign((await find(tenant)) ?? { _id: tenant, origin: originOf(1, tenant) });
  const ledger = (tenant = TENANT): Promise<LedgerDetail> =>
    room.module.get(QueryBus).execute(new GetLedger(tenant, OPERATOR));
  const reopen = ({ tenant, store }: LedgerDetail): Promise<Reopened> =>
    commands().execute(new ReopenLedger(tenant, store!.good, 'backup_restored', OPERATOR));
  const stored = async (tenant = TENANT): Promise<StoredEntry[]> =>
    room.store
      .collection<StoredEntry>('ledger_entries')
      .find({ tenant }, { promoteBuffers: true })
      .sort({ seq: 1 })
      .toArray();
  const reopenings = async (tenant = TENANT) =>
    (await stored(tenant)).filter(({ kind }) => kind === 'ledger.reopened').map(({ seq }) => seq);
  const rootAt = async (size: number): Promise<string> =>
    base64Of(rootOf((await stored()).slice(0, size).map(({ leaf_hash }) => leaf_hash)));
  const checkpoints = async (tenant = TENANT) =>
    room.module.get(Checkpoints).collection.find({ tenant }, { promoteBuffers: true }).sort({ size: 1 }).toArray();
  const ofTenant = (name: string, tenant: string) =>
    ['ledgers', 'ledger_heads'].includes(name) ? { _id: tenant as never } : { tenant };

  async function record(tenant: string, count: number, from = 0): Promise<void> {
    const drafts = Array.from({ length: count }, (_, i) => sampleDraft(from + i, { scope: { tenant } }));
    await commands().execute(new RecordEvents(tenant, await commands().execute(new SealEvents(drafts))));
  }

  /** What a process in the role `ledger` does before anything else. */
  const checked = (): Promise<void> => room.module.get(StartCheck).run();

  /** 4 signed and 5 there when the backup was made; 8 signed when it was needed. */
  async function lossOf(tenant = TENANT): Promise<Backup> {
    await record(tenant, 4);
    await sign(tenant);
    await record(tenant, 1, 4);
    const before = await backup(tenant);
    await record(tenant, 3, 5);
    await sign(tenant);
    await restore(before, tenant);
    return before;
  }

  async function backup(tenant = TENANT): Promise<Backup> {
    const all: Backup = new Map();
    for (const name of COLLECTIONS) {
      all.set(name, await room.store.collection(name).find(ofTenant(name, tenant)).toArray());
    }
    return all;
  }

  async function restore(from: Backup, tenant = TENANT): Promise<void> {
    for (const [name, documents] of from) {
      await room.store.collection(name).deleteMany(ofTenant(name, tenant));
      if (documents.length > 0) await room.store.collection(name).insertMany(documents);
    }
  }

  /** By whoever owns the database and no key: every hash from `seq` on is right again. */
  async function rewriteFrom(seq: number): Promise<void> {
    const old = await stored();
    const { chain_hash: chainHash } = old[seq - 1]!;
    const events = old.slice(seq).map(({ event_id: id, bytes }) => ({ id, bytes: altered(bytes) }));
    const forged = chained(
      TENANT,
      { seq: seq - 1, chainHash },
      events.map((event) => preparedEvent(TENANT, event)),
    );
    await room.entries.deleteMany({ tenant: TENANT, seq: { $gte: seq } });
    await room.store.collection<StoredEntry>('ledger_entries').insertMany(forged);
  }

  async function setAside(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for await (const { _id } of room.store.collection('ledger_set_aside').find({ tenant: TENANT })) {
      const [, , collection] = String(_id).split('/') as [string, string, string];
      counts[collection] = (counts[collection] ?? 0) + 1;
    }
    return counts;
  }

  /** One chain from the first incarnation's genesis on, and every stored checkpoint a prefix of it, by its own origin. */
  async function expectOneHistory(tenant = TENANT): Promise<void> {
    const entries = await stored(tenant);
    const events = entries.map(({ event_id: id, bytes }) => preparedEvent(tenant, { id, bytes }));
    expect(chained(tenant, emptyHead(originOf(1, tenant)), events)).toEqual(
      entries.map(({ seq, chain_hash: chain }): unknown => expect.objectContaining({ seq, chain_hash: chain })),
    );
    for (const checkpoint of await checkpoints(tenant)) {
      const { origin, size, root } = checkpoint;
      const keys = room.module.get(AuditKeys).verifierKeys(tenant, origin);
      expect(verifyCheckpoint(signedNoteOf(checkpoint), keys)).toMatchObject({ origin, size });
      const leaves = entries.slice(0, size).map(({ leaf_hash }) => leaf_hash);
      expect({ size, same: equalBytes(rootOf(leaves), root) }).toEqual({ size, same: true });
    }
    expect((await room.module.get(Checkpoints).published(tenant))?.origin).toBe((await find(tenant))!.origin);
  }
});

const isWrite = (message: Buffer, tenant: string): boolean =>
  ['insert', 'update', 'delete'].includes(wireCommand(message)?.name ?? '') && message.includes(tenant);

const altered = (bytes: Uint8Array): Uint8Array =>
  Buffer.from(Buffer.from(bytes).toString().replace('"id":"tester"', '"id":"nobody"'));
