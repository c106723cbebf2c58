import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandBus } from '@nestjs/cqrs';
import { verifyNote, type AnchorClaim, type StoredEntry } from '#libs/ledger';
import { AnchorReader } from '../anchors/anchor-reader.js';
import { sampleDraft, startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { NoteLedgers } from '../commands/note-ledgers.command.js';
import { signedNoteOf } from '../domain/stored-checkpoint.js';
import { RecordEvents, SealEvents } from '../index.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { SigningRound } from './signing-round.js';
import { StartCheck } from './start-check.js';

const ORIGIN = `assay.test/ledger/${TENANT}`;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const ALL_BUT_DATE = [
  ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
  ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
];

describe('checkpoints', () => {
  let room: AuditRoom;
  /** Never goes back, or the ids of new events would be ahead of it. */
  let now = Math.ceil(Date.now() / (60 * MINUTE_MS)) * 60 * MINUTE_MS;
  const after = (ms: number) => jest.setSystemTime((now += ms));

  beforeEach(async () => {
    jest.useFakeTimers({ doNotFake: ALL_BUT_DATE });
    after(60 * MINUTE_MS);
    room = await startRoom();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await room.remove();
  });

  const checkpoints = () => room.module.get(Checkpoints);
  const round = async () => room.module.get(SigningRound).run(await room.module.get(Ledgers).all());
  const find = (tenant = TENANT): Promise<Ledger | null> => room.module.get(Ledgers).find(tenant);
  const published = async () => (await checkpoints().published(TENANT))!;
  /** Times, in seconds, at which our cosigner says it saw the published checkpoint. */
  const cosignedAt = async (): Promise<(number | undefined)[]> => {
    const keys = room.module.get(AuditKeys);
    const known = [...keys.verifierKeys(TENANT, ORIGIN), ...keys.cosignerKeys()];
    const { verified } = verifyNote(signedNoteOf(await published()), known);
    expect(verified[0]!.key.name).toBe(ORIGIN);
    return verified.slice(1).map(({ time }) => time);
  };

  it('carry the time at which they were signed, and of an idle ledger a new one every hour', async () => {
    await room.record(2);
    await round();
    const { note, size } = await published();
    const signedAt = now / 1_000;
    expect(await cosignedAt()).toEqual([signedAt]);
    after(59 * MINUTE_MS);
    await round();
    await round();
    expect(await cosignedAt()).toEqual([signedAt]);
    for (const hours of [1, 2, 3]) {
      after(hours === 1 ? MINUTE_MS : 60 * MINUTE_MS);
      await round();
      expect(await cosignedAt()).toEqual([signedAt + hours * 3_600]);
    }
    const renewed = await published();
    expect({ note: renewed.note, size: renewed.size }).toEqual({ note, size });
    expect(renewed.cosignatures.map(({ time }) => time)).toEqual([signedAt, signedAt + 3 * 3_600]);
    expect(renewed.keep).toEqual(['hourly']);
  });

  it('are renewed by a process that was just started, when the hour is over', async () => {
    await room.record(1);
    await round();
    after(61 * MINUTE_MS);
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
    await round();
    await round();
    expect(await cosignedAt()).toEqual([now / 1_000]);
  });

  it('are thinned after 7 days, but for those that are kept: what is left verifies as before', async () => {
    const sizes: number[] = [];
    for (let step = 0; step < 6; step++) {
      await room.record(1, step);
      await room.sign();
      sizes.push(step + 1);
      after(step === 2 ? 60 * MINUTE_MS : MINUTE_MS);
    }
    await checkpoints().keepFor(TENANT, 3, 'anchored');
    const all = async () => (await checkpoints().page(TENANT, { limit: 100 })).map(({ size }) => size).reverse();
    expect(await all()).toEqual(sizes);
    after(7 * DAY_MS - 20 * MINUTE_MS);
    await checkpoints().thin(new Date());
    expect(await all()).toEqual([1, 3, 4, 5, 6]);
    after(DAY_MS);
    expect(await checkpoints().thin(new Date())).toBe(1);
    // The first of each hour, the anchored one, and the newest whatever its age.
    expect(await all()).toEqual([1, 3, 4, 6]);
    expect(await checkpoints().keepFor(TENANT, 5, 'anchored')).toBe(false);
    expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [], size: 6, entries: { verified: 6 } });
    await room.record(1, 6);
    expect(await room.sign()).toEqual({ state: 'signed', size: 7 });
    await checkpoints().thin(new Date());
    expect(await all()).toEqual([1, 3, 4, 7]);
    expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [], size: 7 });
  });

  it('are there of every ledger, though one of them cannot be signed', async () => {
    for (const tenant of ['one', 'two', 'three']) await recordTo(tenant);
    const signer = room.module.get(CheckpointSigner);
    const sign = signer.sign.bind(signer);
    jest
      .spyOn(signer, 'sign')
      .mockImplementation((ledger) => (ledger._id === 'two' ? Promise.reject(new Error('the disk')) : sign(ledger)));
    await expect(round()).rejects.toThrow('the disk');
    expect(await Promise.all(['one', 'two', 'three'].map((tenant) => checkpoints().publishedSize(tenant)))).toEqual([
      expect.any(Number),
      0,
      expect.any(Number),
    ]);
  });

  it('of a ledger that was dropped with its mark is missed by what the system ledger noted', async () => {
    await recordTo('gone');
    await recordTo('kept');
    await round();
    await room.module.get(CommandBus).execute(new NoteLedgers());
    for (const name of ['ledger_entries', 'ledger_checkpoints', 'ledger_tiles']) {
      await room.store.collection(name).deleteMany({ tenant: 'gone' });
    }
    for (const name of ['ledgers', 'ledger_heads']) {
      await room.store.collection(name).deleteMany({ _id: 'gone' as never });
    }
    await rename(join(room.dataDir, 'keys', 'high-water', 'gone'), join(room.dataDir, 'aside'));
    await room.module.get(StartCheck).run();
    expect(await find('gone')).toMatchObject({
      state: 'suspended',
      suspended: { reason: expect.stringContaining('entries of a ledger that is gone') },
    });
    expect((await find('kept'))!.state).toBe('open');
    expect(room.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ action: 'audit.suspended', level: 'error', tenant_id: 'gone' }),
    );
    await expect(recordTo('gone')).rejects.toMatchObject({ code: 'AUDIT.SUSPENDED' });
  });

  it('of a ledger that shrank with its mark, or is another one, is missed too: within the hour', async () => {
    await recordTo('short');
    await recordTo('other');
    await round();
    await room.module.get(CommandBus).execute(new NoteLedgers());
    await room.entries.deleteMany({ tenant: 'short' });
    await room.store
      .collection('ledger_checkpoints')
      .updateOne({ tenant: 'other' }, { $set: { root: Buffer.alloc(32) } });
    after(60 * MINUTE_MS);
    await room.module.get(CommandBus).execute(new NoteLedgers());
    expect((await find('short'))!.suspended!.reason).toMatch(/^the store has 0 entries, the system ledger noted \d+$/);
    expect((await find('other'))!.suspended!.reason).toMatch(/^the system ledger noted another tree of size \d+$/);
    expect((await find('system'))!.state).toBe('open');
  });

  it('are compared with the newest anchor at start: one that is ahead or of another tree suspends', async () => {
    for (const tenant of ['ahead', 'other', 'same', 'unread']) await recordTo(tenant);
    await round();
    const claimed = async (tenant: string): Promise<AnchorClaim | undefined> => {
      if (tenant === 'unread') throw new Error('the anchor store does not answer');
      const signed = await checkpoints().published(tenant);
      if (!signed) return undefined;
      const { size, root } = signed;
      const claim = { kind: 'object_store', name: 'elsewhere', size, root, independent: true } as const;
      if (tenant === 'ahead') return { ...claim, size: size + 100 };
      return tenant === 'other' ? { ...claim, root: new Uint8Array(32) } : claim;
    };
    jest.spyOn(room.module.get(AnchorReader), 'newest').mockImplementation(claimed);
    await room.module.get(StartCheck).run();
    expect((await find('ahead'))!.suspended!.reason).toMatch(
      /^the store has \d+ entries, elsewhere has an anchor of 1\d\d$/,
    );
    expect((await find('other'))!.suspended!.reason).toMatch(/^elsewhere has an anchor of another tree of \d+$/);
    expect([(await find('same'))!.state, (await find('unread'))!.state]).toEqual(['open', 'open']);
  });

  it('that no key here signed, or whose MAC does not hold, suspend at start', async () => {
    for (const tenant of ['forged', 'mac']) {
      await recordTo(tenant);
      const ledger = (await find(tenant))!;
      await room.module.get(CheckpointSigner).sign(ledger);
    }
    const [forged, mac] = [{ note: 'forged' }, { mac: Buffer.alloc(32) }];
    await checkpoints().collection.updateOne({ tenant: 'forged' }, { $set: forged });
    await checkpoints().collection.updateOne({ tenant: 'mac' }, { $set: mac });
    await room.module.get(StartCheck).run();
    for (const tenant of ['forged', 'mac']) {
      expect((await find(tenant))!.suspended!.reason).toMatch(/^the checkpoint of size 1 is not signed by a key/);
    }
  });

  it('by two processes at once are one history', async () => {
    const other = await startRoom({ dataDir: room.dataDir, uri: room.store.uri });
    try {
      for (let step = 0; step < 10; step++) {
        const [, , one, two] = await Promise.all([room.record(3), other.record(2), room.sign(), other.sign()]);
        expect([one.state, two.state]).not.toContain('contradicted');
      }
    } finally {
      await other.close();
    }
    await room.sign();
    expect((await published()).size).toBe(50);
    expect(await room.verify()).toMatchObject({ tier: 'consistent', breaks: [], size: 50, unsealed: null });
  });

  async function recordTo(tenant: string): Promise<void> {
    const bus = room.module.get(CommandBus);
    const sealed = await bus.execute(new SealEvents([sampleDraft(1, { scope: { tenant } })]));
    await bus.execute(new RecordEvents(tenant, sealed));
    const stored = await room.store.collection<StoredEntry>('ledger_entries').countDocuments({ tenant });
    expect(stored).toBeGreaterThan(0);
  }
});
