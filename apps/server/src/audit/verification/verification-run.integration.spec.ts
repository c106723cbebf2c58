import { CommandBus } from '@nestjs/cqrs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEvent } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { CancelVerification } from '../commands/cancel-verification.command.js';
import { StartVerification } from '../commands/start-verification.command.js';
import { LedgerVerdicts } from '../storage/ledger-verdicts.store.js';
import { Verifications, type HeldRun } from '../storage/verifications.store.js';
import { BackgroundVerification } from './background-verification.js';
import { VerificationRun } from './verification-run.js';
import type { Verification, VerificationAsked } from './verification.types.js';

const LEASE_MS = 15_000;
const HOUR = 3_600_000;

/** The queue of verifications, worked off by hand: in the role `api` the room runs none by itself. */
describe('verifications', () => {
  let room: AuditRoom;
  beforeEach(async () => {
    room = await startRoom();
    await room.record(5);
    await room.sign();
  });
  afterEach(() => room.remove());

  const store = (): Verifications => room.module.get(Verifications);
  const commands = (): CommandBus => room.module.get(CommandBus);
  const requester = { actor: { type: 'service', id: 'tester' }, credential: 'key-1' } as const;
  const asked = async (over: Partial<VerificationAsked> = {}, tenant = TENANT): Promise<Verification> =>
    commands().execute(new StartVerification(tenant, { vkeys: [], require_anchor: false, ...over }, requester));
  const taken = async (owner = 'one', leaseMs = LEASE_MS): Promise<HeldRun> =>
    (await store().take(owner, leaseMs, ''))!;
  const worked = async (held: HeldRun): Promise<Verification> => {
    await room.module.get(VerificationRun).work(held, new AbortController().signal);
    return (await store().find(TENANT, held.id))!;
  };

  it('are queued, run, and kept with their report', async () => {
    const { id, state } = await asked();
    expect(state).toBe('queued');
    const done = await worked(await taken());
    expect(done).toMatchObject({ id, state: 'done', report: { tier: 'consistent', size: 5, oldestHotSeq: 0 } });
    expect(done.report?.highestArchivedSeq).toBeNull();
    expect(await room.module.get(LedgerVerdicts).all()).toMatchObject([
      { _id: TENANT, verification: id, tier: 'consistent', size: 5 },
    ]);
    const events = (await room.stored()).map(({ bytes }) => parseEvent(bytes));
    expect(events.at(-1)).toMatchObject({
      kind: 'audit.verified',
      data: { verdict: 'consistent', size: 5, breaks: 0 },
    });
  });

  it('of a part look at its entries alone, under a checkpoint that covers them', async () => {
    await room.record(300, 5);
    await room.sign();
    const changed = { $set: { kind: 'sample.changed' } };
    await room.entries.updateOne({ tenant: TENANT, seq: 20 }, changed);
    await asked({ range: { from: 100, to: 199 } });
    const { report, progress } = await worked(await taken());
    expect(report).toMatchObject({
      tier: 'consistent',
      range: { asked: { from: 100, to: 199 }, covered: { from: 100, to: 199 } },
      entries: { expected: 100, found: 100, verified: 100 },
      checkpoints: { matched: 1 },
    });
    expect(progress).toEqual({ done: 100, total: 100 });
    await room.entries.updateOne({ tenant: TENANT, seq: 120 }, changed);
    await asked({ range: { from: 100, to: 199 } });
    expect((await worked(await taken())).report?.breaks).toMatchObject([{ class: 'index_mismatch', seq: 120 }]);
    await asked({ range: { from: 304 } });
    expect((await worked(await taken())).report).toMatchObject({ range: { covered: { from: 304 } }, breaks: [] });
  });

  it('of a part of which nothing is there say so, and not that it is good', async () => {
    for (const from of [5, 4_000]) {
      const range = { from, to: 4_000 };
      await asked({ range });
      const { report } = await worked(await taken());
      expect(report).toMatchObject({ tier: 'incomplete', breaks: [], range: { asked: range, covered: null } });
      expect(report?.reasons).toEqual(['no entry of the range is there']);
      expect(report?.entries).toEqual({ expected: 0, found: 0, verified: 0 });
      await room.entries.deleteMany({ tenant: TENANT, kind: 'audit.verified' });
    }
  });

  it('of a part find that its end was cut off', async () => {
    await room.entries.deleteMany({ tenant: TENANT, seq: { $gte: 3 } });
    for (const range of [{ from: 2 }, { from: 4 }, { from: 2, to: 4 }]) {
      await asked({ range });
      const { report } = await worked(await taken());
      expect(report).toMatchObject({ tier: 'broken', range: { asked: { from: range.from, to: 4 } } });
      expect(report?.breaks.at(-1)).toMatchObject({ class: 'rolled_back', to: 4 });
      await room.entries.deleteMany({ tenant: TENANT, seq: { $gte: 3 } });
    }
  });

  it('that find breaks say so at ERROR', async () => {
    await room.entries.deleteOne({ tenant: TENANT, seq: 2 });
    await asked();
    expect((await worked(await taken())).report?.tier).toBe('broken');
    const line = room.lines.map((text) => JSON.parse(text) as object).find((said) => 'run_id' in said);
    expect(line).toMatchObject({ level: 'error', action: 'audit.verification_broken', tenant_id: TENANT });
  });

  it('of one tenant are at most two, and more again when one is over', async () => {
    const first = await asked();
    await asked();
    await expect(asked()).rejects.toMatchObject({ code: 'AUDIT.VERIFICATION_BUSY' });
    await commands().execute(new CancelVerification(TENANT, first.id));
    await asked();
    await expect(asked()).rejects.toMatchObject({ code: 'AUDIT.VERIFICATION_BUSY' });
  });

  it('refuse keys that are none, a range that is none, and a ledger nobody has', async () => {
    await expect(asked({ vkeys: ['x'] })).rejects.toMatchObject({
      code: 'AUDIT.VERIFIER_KEY_INVALID',
      details: [{ pointer: '/vkeys/0' }],
    });
    await expect(asked({ range: { from: 3, to: 2 } })).rejects.toMatchObject({
      code: 'AUDIT.RANGE_INVALID',
      details: [{ pointer: '/from' }],
    });
    await expect(asked({}, 'nobody')).rejects.toMatchObject({ code: 'AUDIT.LEDGER_NOT_FOUND' });
  });

  it('are canceled while they wait at once, and while they run by who runs them', async () => {
    const { id } = await asked();
    expect(await commands().execute(new CancelVerification(TENANT, id))).toMatchObject({ state: 'canceled' });
    await asked();
    const held = await taken();
    expect(await commands().execute(new CancelVerification(TENANT, held.id))).toMatchObject({ state: 'running' });
    expect(await worked(held)).toMatchObject({ state: 'canceled', report: undefined });
    await expect(commands().execute(new CancelVerification('other', id))).rejects.toMatchObject({
      code: 'AUDIT.VERIFICATION_NOT_FOUND',
    });
  });

  it('go to another process when theirs is silent, and nothing of the silent one counts any more', async () => {
    await asked();
    const silent = await taken('one');
    expect(await store().take('two', LEASE_MS, '')).toBeNull();
    const other = await taken('two', -1);
    expect(other).toMatchObject({ id: silent.id, token: silent.token + 1 });
    expect(await store().renew(silent, { done: 9, total: 9 })).toBe('lost');
    expect(await store().end(silent, { state: 'canceled' })).toBe(false);
    await store().giveBack(silent);
    expect(await worked(silent)).toMatchObject({ state: 'running', progress: { done: 0 } });
    expect(await worked(other)).toMatchObject({ state: 'done' });
  });

  it('are put aside when the process leaves', async () => {
    await asked();
    const held = await taken();
    await room.module.get(VerificationRun).work(held, AbortSignal.abort());
    expect(await store().find(TENANT, held.id)).toMatchObject({ state: 'queued' });
    expect(await worked(await taken('two'))).toMatchObject({ state: 'done' });
  });

  it('fail with a code after five processes could not end them', async () => {
    await asked();
    jest.spyOn(room.module.get(Verifications), 'renew').mockResolvedValue('held');
    const { VerificationEngine } = await import('./verification-engine.js');
    jest.spyOn(room.module.get(VerificationEngine), 'run').mockRejectedValue(new Error('mongodb://secret'));
    for (let attempt = 1; attempt < 5; attempt++)
      expect(await worked(await taken())).toMatchObject({ state: 'queued' });
    expect(await worked(await taken())).toMatchObject({ state: 'failed', error: { code: expect.any(String) } });
    expect(room.lines.join()).not.toContain('secret');
  });

  it('say rolled_back of a ledger that is gone from the store', async () => {
    for (const name of ['ledgers', 'ledger_entries', 'ledger_checkpoints', 'ledger_heads', 'ledger_tiles']) {
      await room.store.collection(name).deleteMany({});
    }
    const { tier, breaks } = await room.verify();
    expect(tier).toBe('broken');
    expect(breaks).toMatchObject([{ class: 'rolled_back', from: 0, to: 4 }]);
    await rm(join(room.dataDir, 'keys', 'high-water'), { recursive: true });
    await expect(room.verify()).rejects.toMatchObject({ code: 'AUDIT.LEDGER_NOT_FOUND' });
  });

  describe('in the background', () => {
    const round = (hours: number): Promise<void> =>
      room.module.get(BackgroundVerification).round(Date.now() + hours * HOUR);
    const inBackground = async (): Promise<Verification[]> =>
      (await store().page(TENANT, { limit: 100 })).filter(({ origin }) => origin === 'background');

    it('come for every ledger within AUDIT_VERIFY_HOURS, and one at a time', async () => {
      await round(11);
      expect(await inBackground()).toEqual([]);
      await round(25);
      await round(25);
      expect(await inBackground()).toMatchObject([{ state: 'queued' }]);
      for (let held = await store().take('one', LEASE_MS, ''); held; held = await store().take('one', LEASE_MS, '')) {
        await worked(held);
      }
      expect(await inBackground()).toMatchObject([{ state: 'done' }]);
      await round(11);
      expect(await inBackground()).toHaveLength(1);
      await round(25);
      expect(await inBackground()).toMatchObject([{ state: 'queued' }, { state: 'done' }]);
    });

    it('come for a ledger that only its mark knows of', async () => {
      await room.store.collection('ledgers').deleteMany({});
      await round(0);
      expect(await inBackground()).toMatchObject([{ state: 'queued' }]);
    });

    it('are not kept from coming by those that callers asked for', async () => {
      await asked();
      await asked();
      await round(25);
      expect(await inBackground()).toHaveLength(1);
    });
  });
});
