import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { parseEvent } from '#libs/ledger';
import { TENANT } from '../audit-room.fixture.js';
import { ColdStores } from '../cold/cold-stores.js';
import { Suspending } from '../checkpoints/suspending.js';
import { ReopenLedger } from '../commands/reopen-ledger.command.js';
import { RestoreArchive } from '../commands/restore-archive.command.js';
import { VerifyArchive } from '../commands/verify-archive.command.js';
import { GetLedger } from '../queries/get-ledger.query.js';
import { BatchRetiring } from '../retention/batch-retiring.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { LedgerReader } from '../storage/ledger-reader.store.js';
import { ArchiveVerification } from './archive-verification.js';
import { archivedLedger, type ArchivedLedger } from './archived-ledger.fixture.js';
import type { LedgerVerdict } from './verification.types.js';

/** tests/system/archive-tamper.spec.ts has every attack by itself. */

const told = ({ breaks }: LedgerVerdict): unknown[] =>
  breaks.map(({ class: kind, code, from, to }) => [kind, code, from, to]);

describe('a ledger that is archived in part', () => {
  let ledger: ArchivedLedger;
  let undo: () => Promise<void>;
  beforeAll(async () => {
    ledger = await archivedLedger({ ready: 3, archived: 0 });
  });
  afterAll(() => ledger.room.remove());

  it.each([0, 100, 300])('raises no false alarm when entries leave hot storage after %i were read', async (read) => {
    const reader = ledger.room.module.get(LedgerReader);
    const own = reader.claiming.bind(reader);
    jest.spyOn(reader, 'claiming').mockImplementation(async function* (tenant, from, to) {
      let next = from;
      for await (const document of own(tenant, from, Math.min(to, read))) {
        next = document.seq + 1;
        yield document;
      }
      if (from === 0) await ledger.archive();
      yield* own(tenant, next, to);
    });
    const verdict = await ledger.room.verify();
    jest.restoreAllMocks();
    expect(verdict.breaks).toEqual([]);
    expect(verdict.entries.found).toBe(verdict.entries.expected);
  });

  describe('at rest', () => {
    beforeAll(async () => {
      undo = await ledger.kept();
    });
    afterEach(() => undo());

    it('is verified where it lies', async () => {
      const verdict = await ledger.room.verify();
      expect(verdict).toMatchObject({
        tier: 'consistent',
        breaks: [],
        oldestHotSeq: 768,
        highestArchivedSeq: 767,
        batches: { expected: 3, read: 3, verified: 3 },
        tiles: { compared: 3, agreed: 3 },
      });
      const { expected, found, verified } = verdict.entries;
      expect([found, verified]).toEqual([expected, expected]);
      expect(await ledger.room.entries.countDocuments({ tenant: TENANT, seq: { $lt: 768 } })).toBe(0);
    });

    it('finds all that was done to it in one pass, each under its own code', async () => {
      const [a, b, c] = await ledger.records();
      const bytes = await ledger.get(a!.jsonlKey);
      bytes[bytes.length >> 1]! ^= 1;
      await ledger.put(a!.jsonlKey, bytes);
      await ledger.cold.delete(b!.manifestKey);
      await ledger.batches.collection.deleteOne({ _id: c!._id });
      const verdict = await ledger.room.verify();
      expect(told(verdict)).toEqual([
        ['archive_altered', 'ARCHIVE.STORED_DIGEST', 0, 255],
        ['archive_missing', 'ARCHIVE.MANIFEST_MISSING', 256, 511],
        ['archive_missing', 'ARCHIVE.RECORD_MISSING', 512, 767],
      ]);
      const { entries, checkpoints, batches } = verdict;
      expect(entries.found).toBe(entries.expected - 256);
      expect(checkpoints.matched).toBe(checkpoints.checked);
      expect(batches).toEqual({ expected: 3, read: 2, verified: 0 });
    });

    it('raises no false alarm over a batch that retires while it is opened', async () => {
      const batch = (await ledger.records())[2]!;
      const { module } = ledger.room;
      const cold = module.get(ColdStores);
      const own = cold.readFrom.bind(cold);
      let reads = 0;
      jest.spyOn(cold, 'readFrom').mockImplementation(async (place, read, part, options) => {
        const isFirst = read.manifestKey === batch.manifestKey && reads++ === 0;
        if (isFirst) await module.get(BatchRetiring).retire(batch, { days: 1, now: new Date() });
        return own(place, read, part, options);
      });
      const verdict = await ledger.room.verify();
      jest.restoreAllMocks();
      expect(verdict).toMatchObject({ breaks: [], retired: [{ from: 512, to: 767 }] });
    });

    it('is verified batch by batch', async () => {
      const [a, b] = await ledger.records();
      const verification = ledger.room.module.get(ArchiveVerification);
      const good = await verification.verify(TENANT, b!._id);
      expect(good).toMatchObject({
        tier: 'consistent',
        range: { covered: { from: 256, to: 511 } },
        entries: { expected: 256, found: 256, verified: 256 },
        batches: { expected: 1, read: 1, verified: 1 },
      });
      await ledger.put(b!.jsonlKey, (await ledger.get(b!.jsonlKey)).subarray(0, -1));
      expect(told(await verification.verify(TENANT, b!._id))).toEqual([
        ['archive_altered', 'ARCHIVE.TRUNCATED', 256, 511],
      ]);
      expect((await verification.verify(TENANT, a!._id)).breaks).toEqual([]);
      const order = new VerifyArchive(TENANT, b!._id, false, {
        tenant: TENANT,
        actor: { type: 'service', id: 'auditor' },
        credential: 'key',
      });
      const commands = ledger.room.module.get(CommandBus);
      expect(await commands.execute(order)).toMatchObject({ batch_id: b!._id, copy: false, tier: 'broken' });
      const event = parseEvent((await ledger.room.stored()).at(-1)!.bytes);
      expect(event).toMatchObject({
        kind: 'archive.verified',
        actor: { id: 'auditor' },
        refs: { batch_id: b!._id },
        data: { verdict: 'broken', breaks: 1, copy: false },
      });
      await expect(verification.verify(TENANT, 'none')).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_NOT_FOUND' });
      await expect(verification.verify(TENANT, a!._id, { copy: true })).rejects.toMatchObject({
        code: 'AUDIT.ARCHIVE_COPY_NOT_FOUND',
      });
    });
  });

  it('is restored batch by batch where it was reopened: what is wrong with another batch keeps none back', async () => {
    while ((await ledger.records()).length < 2) await ledger.archive();
    const { module } = ledger.room;
    const commands = module.get(CommandBus);
    const operator = { tenant: 'default', actor: { type: 'operator', id: 'root' } } as const;
    await module.get(Suspending).suspend((await module.get(Ledgers).find(TENANT))!, 'lost');
    const { store } = await module.get(QueryBus).execute(new GetLedger(TENANT, operator));
    await commands.execute(new ReopenLedger(TENANT, store!.good, 'backup_restored', operator));
    const [a, b] = await ledger.records();
    await ledger.put(a!.jsonlKey, Buffer.from('other'));
    const restore = ({ _id }: { _id: string }) => commands.execute(new RestoreArchive(TENANT, _id, 1, operator));
    await expect(restore(a!)).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_ALTERED' });
    expect(await restore(b!)).toMatchObject({ id: b!._id, eventCount: 256 });
  });
});
