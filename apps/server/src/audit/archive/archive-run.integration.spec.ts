import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CommandBus } from '@nestjs/cqrs';
import {
  manifestText,
  parsedManifest,
  sha256Hex,
  unpackedBatch,
  verifyManifest,
  verifyEnvelopeMac,
} from '#libs/archive';
import { chainHash, hexOf, leafHash, parseEvent, verifyNote, type StoredEntry } from '#libs/ledger';
import { ObjectStoreError } from '#libs/object-store';
import { Appenders } from '../append/appenders.js';
import { sampleDraft, startRoom, type AuditRoom } from '../audit-room.fixture.js';
import { AuditError } from '../audit.errors.js';
import { HighWaterFiles } from '../checkpoints/high-water-files.js';
import { RunArchive } from '../commands/run-archive.command.js';
import { Holds } from '../holds/holds.js';
import { RecordEvents, SealEvents, type Requester } from '../index.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { KeyStatements } from '../storage/key-statements.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import type { ArchiveDraft } from '../storage/archive-drafts.store.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { in91Days, LedgerInRoom } from '../ledger-in-room.fixture.js';
import { ageByThief, compromiseNoteKey } from '../verification/stolen-key.fixture.js';
import { ColdStores } from '../cold/cold-stores.js';
import { ArchiveObjects } from './archive-objects.js';

const DAY_MS = 86_400_000;
const none = (): Buffer => Buffer.alloc(64);
const NOTHING = { ok: true, batchId: null, startSeq: null, endSeq: null, eventCount: 0 };

describe('a run of the archive', () => {
  let room: AuditRoom;
  beforeAll(async () => {
    room = await startRoom({ env: { AUDIT_HOT_RETENTION_DAYS: '10' } });
  });
  afterAll(() => room.remove());

  const keysOf = (): AuditKeys => room.module.get<AuditKeys>(AuditKeys);
  const cold = (): ColdStores => room.module.get<ColdStores>(ColdStores);
  const ledgerOf = async (tenant: string, count: number): Promise<LedgerInRoom> => {
    const ledger = new LedgerInRoom(room, tenant);
    await ledger.recordAndSign(count);
    return ledger;
  };

  it('moves what is old enough, in whole tiles, and leaves the newest entries hot', async () => {
    const ledger = await ledgerOf('moves', 700);
    const before = await ledger.hot();
    expect(await ledger.run()).toMatchObject({ ok: true, startSeq: 0, endSeq: 511, eventCount: 512 });
    const [batch] = await ledger.batches();
    expect(batch).toMatchObject({ state: 'done', startSeq: 0, endSeq: 511, eventCount: 512, checkpointSize: 700 });
    const hot = await ledger.hot();
    expect(hot.slice(0, 188)).toEqual(before.slice(512));
    expect(hot.slice(188).map(({ kind }) => kind)).toEqual(['archive.recorded', 'archive.deleted']);
    expect(await ledger.run()).toEqual(NOTHING);
  });

  it('leaves everything whose covering checkpoint is younger than the hot retention', async () => {
    const ledger = await ledgerOf('young', 300);
    expect(await ledger.run(new Date(Date.now() + 9 * DAY_MS))).toEqual(NOTHING);
    expect(await ledger.hot()).toHaveLength(300);
    expect(await ledger.run(new Date(Date.now() + 11 * DAY_MS))).toMatchObject({ eventCount: 256 });
  });

  it('never takes the entry that ends the newest signed tree', async () => {
    const ledger = await ledgerOf('newest', 512);
    expect(await ledger.run()).toMatchObject({ endSeq: 255 });
    await ledger.sign();
    const { size } = (await room.module.get(Checkpoints).published('newest'))!;
    expect(size).toBe(514);
  });

  it('is signed on by a signer whose marks are older than what is hot', async () => {
    const ledger = new LedgerInRoom(room, 'marked');
    await ledger.recordAndSign(10);
    const files = room.module.get(HighWaterFiles);
    const marks = files.of('marked');
    const kept = jest.spyOn(files, 'of').mockReturnValue({ ...marks, forget: () => Promise.resolve() });
    await ledger.recordAndSign(600);
    kept.mockRestore();
    await ledger.run();
    expect((await marks.newest())!.marks.map(({ size }) => size)).toEqual([10, 610]);
    await ledger.sign();
    expect((await room.module.get(Checkpoints).published('marked'))!.size).toBe(612);
  });

  it('puts a manifest that proves what it says, linked to the one before', async () => {
    const ledger = await ledgerOf('linked', 300);
    const before = await ledger.hot();
    await ledger.run();
    await ledger.recordAndSign(300);
    await ledger.run();
    const [first, second] = await ledger.batches();
    const { bytes } = await cold().read(first!, 'manifest');
    const parsed = parsedManifest(bytes);
    const keys = keysOf();
    const verifierKeys = keys.verifierKeys('linked', 'assay.test/ledger/linked');
    expect(verifyManifest(parsed, verifierKeys)).toHaveLength(1);
    verifyEnvelopeMac(parsed, (keyId, signed) => keys.archiveMac('linked', signed, keyId));
    expect(sha256Hex(bytes)).toBe(first!.manifestSha256);
    expect(verifyNote(parsed.manifest.checkpoint, verifierKeys).verified).toHaveLength(1);
    const covering = await room.module.get(Checkpoints).at('linked', first!.checkpointSize);
    expect(covering!.keep).toContain('batch_end');
    const lines = await unpackedBatch((await cold().read(first!, 'jsonl')).bytes, parsed.manifest.jsonl);
    const expected = Buffer.concat(before.slice(0, 256).flatMap(({ bytes: line }) => [line, Buffer.from('\n')]));
    expect(lines.equals(expected)).toBe(true);
    expect(parsed.manifest).toMatchObject({
      endChainHash: hexOf(before[255]!.chain_hash),
      previousManifestSha256: null,
    });
    expect(second!.previousManifestSha256).toBe(first!.manifestSha256);
    expect(second!.previousChainHash).toBe(first!.endChainHash);
  });

  /** As whoever can write to the database would: every chain hash after it is made anew. */
  async function rewriteFrom7(tenant: string, stored: StoredEntry[]): Promise<void> {
    let previous: Uint8Array = stored[6]!.chain_hash;
    for (const { seq, bytes: own } of stored.slice(7, 256)) {
      const bytes = seq === 7 ? stored[8]!.bytes : own;
      const leaf_hash = leafHash(bytes);
      previous = chainHash(previous, leaf_hash);
      await room.entries.updateOne({ tenant, seq }, { $set: { bytes, leaf_hash, chain_hash: previous } });
    }
  }

  it.each<[string, (tenant: string, stored: StoredEntry[]) => Promise<unknown>, string]>([
    [
      'edited',
      (tenant, stored) => room.entries.updateOne({ tenant, seq: 7 }, { $set: { bytes: stored[8]!.bytes } }),
      'AUDIT.ENTRY_CONTRADICTED',
    ],
    ['rewritten', rewriteFrom7, 'AUDIT.ENTRY_CONTRADICTED'],
    ['missing', (tenant) => room.entries.deleteOne({ tenant, seq: 255 }), 'AUDIT.ENTRY_CONTRADICTED'],
    [
      'rechained',
      (tenant, stored) => room.entries.updateOne({ tenant, seq: 7 }, { $set: { chain_hash: stored[8]!.chain_hash } }),
      'AUDIT.ENTRY_CONTRADICTED',
    ],
    ['tileless', (tenant) => room.store.collection('ledger_tiles').deleteMany({ tenant }), 'AUDIT.TILE_MISSING'],
  ])('leaves the evidence where it is: %s', async (tenant, harm, code) => {
    const ledger = await ledgerOf(tenant, 300);
    await harm(tenant, await ledger.hot());
    const hot = await ledger.hot();
    await expect(ledger.run()).rejects.toMatchObject({ code });
    expect(await ledger.hot()).toEqual(hot);
    expect(await ledger.batches()).toEqual([]);
    const objects = [];
    for await (const object of (await cold().primary()).list(`tenants/${tenant}/`)) objects.push(object);
    expect(objects).toEqual([]);
    expect(room.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ level: 'error', action: 'audit.archive_failed', tenant_id: tenant, error_code: code }),
    );
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['digest', { manifestSha256: 'a'.repeat(64) }, 'OBJECT_STORE.CORRUPT'],
    ['chain', { endChainHash: 'a'.repeat(64) }, 'AUDIT.ARCHIVE_ALTERED'],
    ['retirement', { state: 'retired', maxTs: '2020-01-01T00:00:00.000Z' }, 'AUDIT.ARCHIVE_ALTERED'],
  ])('signs no link to what only the database says of the batch before: its %s', async (field, edit, code) => {
    const tenant = `forged-${field}`;
    const ledger = await ledgerOf(tenant, 300);
    await ledger.run();
    await ledger.recordAndSign(300);
    await room.store.collection('archive_batches').updateOne({ tenant }, { $set: edit });
    const hot = await ledger.hot();
    await expect(ledger.run()).rejects.toMatchObject({ code });
    expect([await ledger.hot(), await ledger.batches()]).toEqual([hot, [expect.objectContaining(edit)]]);
    expect(room.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ level: 'error', action: 'audit.archive_failed', tenant_id: tenant, error_code: code }),
    );
  });

  it('signs no link to what a stolen key signed', async () => {
    const ledger = await ledgerOf('stolen', 300);
    await ledger.run();
    await ledger.recordAndSign(300);
    const [first] = await ledger.batches();
    await compromiseNoteKey(room, first!);
    await ageByThief(room, first!);
    await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_ALTERED' });
    expect(await ledger.batches()).toHaveLength(1);
  });

  it('archives once when two run at the same time', async () => {
    const ledger = await ledgerOf('twice', 300);
    const outcomes = await Promise.allSettled([ledger.run(), ledger.run()]);
    expect(outcomes).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: 'AUDIT.ARCHIVE_BUSY' }) as unknown }),
    );
    expect(await ledger.batches()).toHaveLength(1);
  });

  it('refuses an archived event that is sent again, and says where one stands that is still hot', async () => {
    const commands = room.module.get(CommandBus);
    const scope = { tenant: 'again' };
    const drafts = Array.from({ length: 300 }, (_, step) => sampleDraft(step, { scope }));
    const events = await commands.execute(new SealEvents(drafts));
    await commands.execute(new RecordEvents('again', events));
    const ledger = new LedgerInRoom(room, 'again');
    await ledger.sign();
    await ledger.run();
    const again = (at: number) => commands.execute(new RecordEvents('again', [events[at]!]));
    await expect(again(255)).rejects.toMatchObject({ code: 'AUDIT.EVENT_TOO_OLD' });
    expect(await again(256)).toEqual([{ id: events[256]!.id, seq: 256 }]);
    const ids = (await ledger.hot()).map(({ event_id }) => event_id);
    expect(ids.filter((id) => id === events[255]!.id)).toEqual([]);
  });

  describe('when the cold store fails', () => {
    const FAULT = 'AccessDenied: arn:aws:iam::123456789012:user/secret is not authorized';
    const unavailable = (): ObjectStoreError =>
      new ObjectStoreError('OBJECT_STORE.UNAVAILABLE', 'the store does not answer', { cause: new Error(FAULT) });

    it.each([
      ['lines-lost', 1, false],
      ['lines-kept', 1, true],
      ['manifest-lost', 2, false],
      ['manifest-kept', 2, true],
    ] as const)(
      'an upload is %s: all stays hot with a clear reason, and the next run goes on',
      async (tenant, nth, kept) => {
        const ledger = await ledgerOf(tenant, 300);
        const hot = await ledger.hot();
        const store = await cold().primary();
        const real = store.put.bind(store);
        let puts = 0;
        const put = jest.spyOn(store, 'put').mockImplementation(async (...given) => {
          if (++puts !== nth) return real(...given);
          if (kept) await real(...given);
          throw unavailable();
        });
        await expect(ledger.run()).rejects.toMatchObject({ code: 'OBJECT_STORE.UNAVAILABLE' });
        put.mockRestore();
        expect(await ledger.hot()).toEqual(hot);
        expect(await ledger.batches()).toEqual([]);
        const said = room.lines.filter((line) => line.includes(`"${tenant}"`)).join('');
        expect(said).toContain('OBJECT_STORE.UNAVAILABLE');
        expect(said).not.toContain('arn:aws');
        expect(await ledger.run()).toMatchObject({ eventCount: 256 });
        const objects: string[] = [];
        for await (const { key } of store.list(`tenants/${tenant}/`)) objects.push(key);
        const [batch] = await ledger.batches();
        expect(objects.sort()).toEqual([batch!.jsonlKey, batch!.manifestKey].sort());
      },
    );

    it('entries stay when what was put does not read back', async () => {
      const ledger = await ledgerOf('unread', 300);
      const hot = await ledger.hot();
      const store = await cold().primary();
      const real = store.get.bind(store);
      const get = jest.spyOn(store, 'get').mockImplementation(async (key, options) => {
        const found = await real(key, options);
        return key.endsWith('.gz') ? { ...found, body: Readable.from([Buffer.from('other bytes')]) } : found;
      });
      await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_UNPROVEN' });
      get.mockRestore();
      expect(await ledger.hot()).toEqual(hot);
      expect(await ledger.batches()).toEqual([]);
    });

    it('entries stay when another object lies at the key', async () => {
      const ledger = await ledgerOf('occupied', 300);
      const store = await cold().primary();
      const real = store.put.bind(store);
      const put = jest.spyOn(store, 'put').mockImplementation(async (key, _body, options) => {
        await real(key, Buffer.from('first come'));
        return real(key, Buffer.from('second'), { ifAbsent: options?.ifAbsent ?? false });
      });
      await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_OCCUPIED' });
      put.mockRestore();
      expect(await ledger.hot()).toHaveLength(300);
    });

    describe('a run died with both objects put', () => {
      const DIED = new Error('the process died');
      async function died(tenant: string): Promise<{ ledger: LedgerInRoom; draft: ArchiveDraft }> {
        const ledger = await ledgerOf(tenant, 300);
        jest.spyOn(room.module.get(ArchiveObjects), 'check').mockRejectedValueOnce(DIED);
        await expect(ledger.run()).rejects.toBe(DIED);
        return { ledger, draft: (await drafts().findOne({ _id: tenant }))! };
      }
      const drafts = () => room.store.collection<ArchiveDraft>('archive_drafts');
      const objectsOf = async (tenant: string): Promise<string[]> => {
        const keys: string[] = [];
        for await (const { key } of (await cold().primary()).list(`tenants/${tenant}/`)) keys.push(key);
        return keys;
      };

      it('goes on with its manifest when another run has replaced its draft', async () => {
        const { ledger, draft } = await died('replaced');
        const later = { batch: 'another', archivedAt: new Date(draft.archivedAt.getTime() + 1) };
        await drafts().updateOne({ _id: 'replaced' }, { $set: later });
        expect(await ledger.run()).toMatchObject({ batchId: 'another', eventCount: 256 });
        const [batch] = await ledger.batches();
        expect(batch).toMatchObject({ state: 'done', archivedAt: draft.archivedAt });
        expect(await objectsOf('replaced')).toEqual([batch!.jsonlKey, batch!.manifestKey]);
      });

      it('does not believe a manifest that is not ours, and goes past it on another day', async () => {
        const { ledger, draft } = await died('forged');
        const store = await cold().primary();
        const [, manifestKey] = await objectsOf('forged');
        const { manifest } = parsedManifest(await buffer((await store.get(manifestKey!)).body));
        const [signer, mac] = manifest.keyIds.map((keyId) => ({ keyId, sign: none, mac: none }));
        const archivedAt = new Date(draft.archivedAt.getTime() + 1).toISOString();
        const forged = manifestText({ ...manifest, archivedAt }, { signer: signer!, mac: mac! });
        await store.put(manifestKey!, Buffer.from(forged));
        await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_OCCUPIED' });
        expect(await ledger.hot()).toHaveLength(300);
        expect(await ledger.run(new Date(in91Days().getTime() + DAY_MS))).toMatchObject({ eventCount: 256 });
        const [batch] = await ledger.batches();
        expect(batch!.manifestKey).not.toBe(manifestKey);
        expect(await buffer((await store.get(manifestKey!)).body)).toEqual(Buffer.from(forged));
      });

      it('goes past its own manifest on another day, when the key that signed it is gone', async () => {
        const { ledger } = await died('rotated');
        const other = { keyId: 'assay.test/ledger/rotated+00000000', sign: none };
        const signer = jest.spyOn(keysOf(), 'archiveSigner').mockResolvedValue(other);
        signer.mockRejectedValueOnce(new AuditError('AUDIT.KEY_RETIRED', 'as asked'));
        await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_OCCUPIED' });
        expect(await ledger.hot()).toHaveLength(300);
        expect(await ledger.run(new Date(in91Days().getTime() + DAY_MS))).toMatchObject({ eventCount: 256 });
        signer.mockRestore();
      });

      it('goes past what this program did not put there, on another day', async () => {
        const { ledger } = await died('foreign');
        const [store, keys] = [await cold().primary(), await objectsOf('foreign')];
        const corrupt = (): ObjectStoreError => new ObjectStoreError('OBJECT_STORE.CORRUPT', 'as a bucket would say');
        const [put, head] = [store.put.bind(store), store.head.bind(store)];
        const puts = jest.spyOn(store, 'put').mockImplementation(async (key, ...rest) => {
          if (keys.includes(key)) throw corrupt();
          return put(key, ...rest);
        });
        const heads = jest.spyOn(store, 'head').mockImplementation(async (key, ...rest) => {
          if (keys.includes(key)) throw corrupt();
          return head(key, ...rest);
        });
        await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_OCCUPIED' });
        expect(await ledger.run(new Date(in91Days().getTime() + DAY_MS))).toMatchObject({ eventCount: 256 });
        for (const spy of [puts, heads]) spy.mockRestore();
      });

      it.each([
        ['placed', false, true],
        ['released', true, false],
      ])('says of holds what is so in the cold store: one was %s since', async (tenant, before, after) => {
        const cases = jest.spyOn(room.module.get(Holds), 'of').mockResolvedValue(before ? ['case'] : []);
        const { ledger } = await died(tenant);
        cases.mockResolvedValue(after ? ['case'] : []);
        await ledger.run();
        cases.mockRestore();
        const [batch] = await ledger.batches();
        expect(batch!.holds).toEqual(after ? ['case'] : undefined);
        const store = await cold().primary();
        for (const key of await objectsOf(tenant)) expect((await store.head(key)).legalHold).toBe(after);
      });

      it('locks what it finds as it would be locked now, and says so', async () => {
        const { ledger } = await died('unlocked');
        const retainUntil = new Date(Math.floor(Date.now() / 1_000) * 1_000 + DAY_MS);
        const options = jest.spyOn(cold(), 'putOptions').mockReturnValue({ retainUntil, lockMode: 'governance' });
        await ledger.run();
        options.mockRestore();
        const [batch] = await ledger.batches();
        expect(batch!.retention).toEqual({ mode: 'governance', until: retainUntil });
        const store = await cold().primary();
        for (const key of await objectsOf('unlocked')) expect(await store.head(key)).toMatchObject({ retainUntil });
      });
    });

    it.each(['jsonlKey', 'manifestKey'] as const)(
      'a batch that is recorded, all of it hot, is made anew when an object was lost: its %s',
      async (lost) => {
        const tenant = `lost-${lost.toLowerCase()}`;
        const ledger = await ledgerOf(tenant, 300);
        const batches = room.module.get<ArchiveBatches>(ArchiveBatches);
        const set = jest.spyOn(batches, 'setState').mockRejectedValueOnce(new Error('died'));
        await expect(ledger.run()).rejects.toThrow('died');
        set.mockRestore();
        const hot = await ledger.hot();
        const [batch] = await ledger.batches();
        await (await cold().primary()).delete(batch![lost]);
        await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_UNPROVEN' });
        expect(await ledger.hot()).toEqual(hot);
        // Lines of another version are not those that the manifest names: then the next day's keys are taken.
        const named = lost === 'jsonlKey' && batch!.versionIds.jsonl !== undefined;
        if (named) await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_OCCUPIED' });
        const now = new Date(in91Days().getTime() + (named ? DAY_MS : 0));
        expect(await ledger.run(now)).toMatchObject({ startSeq: 0, endSeq: 255 });
        const [made] = await ledger.batches();
        expect(made).toMatchObject({ startSeq: 0, state: 'done' });
        expect(made!.manifestSha256 === batch!.manifestSha256).toBe(!named);
        expect((await ledger.hot())[0]!.seq).toBe(256);
      },
    );

    it('entries stay when the record of their batch goes before they do', async () => {
      const ledger = await ledgerOf('unrecorded', 300);
      const statements = room.module.get<KeyStatements>(KeyStatements);
      const keep = jest.spyOn(statements, 'keep').mockImplementationOnce(async () => {
        await room.store.collection('archive_batches').deleteOne({ tenant: 'unrecorded' });
      });
      await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_ALTERED' });
      keep.mockRestore();
      expect((await ledger.hot())[0]!.seq).toBe(0);
    });

    it('a batch whose objects went away while its entries left keeps its entries hot', async () => {
      const ledger = await ledgerOf('gone', 300);
      const leave = jest.spyOn(room.module.get(LedgerEntries), 'remove').mockRejectedValueOnce(new Error('died'));
      await expect(ledger.run()).rejects.toThrow('died');
      leave.mockRestore();
      const [batch] = await ledger.batches();
      expect(batch!.state).toBe('deleting');
      await (await cold().primary()).delete(batch!.jsonlKey);
      await expect(ledger.run()).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_UNPROVEN' });
      expect((await ledger.hot())[0]!.seq).toBe(0);
    });
  });

  describe('by order', () => {
    const operator = { tenant: 'ordered', actor: { type: 'operator' as const, id: 'op' }, request_id: 'r-1' };
    const order = (override: boolean, requester: Requester = operator) =>
      room.module.get(CommandBus).execute(new RunArchive('ordered', override, requester));

    it('goes past the switch only with override, by an operator, and the ledger says so first', async () => {
      const ledger = await ledgerOf('ordered', 10);
      await expect(order(false)).rejects.toMatchObject({ code: 'AUDIT.ARCHIVE_DISABLED' });
      const service = { ...operator, actor: { type: 'service' as const, id: 'client' } };
      await expect(order(true, service)).rejects.toMatchObject({ code: 'AUDIT.OPERATOR_REQUIRED' });
      expect(await order(true)).toEqual(NOTHING);
      const said = (await ledger.hot()).filter(({ kind }) => kind.startsWith('archive.'));
      expect(said.map(({ kind, bytes }) => ({ kind, data: parseEvent(bytes).data }))).toEqual([
        { kind: 'archive.ordered', data: { override: true } },
      ]);
    });
  });

  describe('over a restart', () => {
    it('is gone on with by the ledger, and a head below what is archived is refused', async () => {
      let restarted = await startRoom({ env: { AUDIT_COLD_ENCRYPT: 'true' } });
      try {
        const ledger = new LedgerInRoom(restarted, 'acme');
        await ledger.recordAndSign(600);
        await ledger.run(in91Days());
        const [batch] = await ledger.batches();
        const ring = await restarted.module.get<AuditKeys>(AuditKeys).archiveRing();
        expect(batch!.encryption).toEqual({ algorithm: 'AES-256-GCM', keyId: ring!.current });
        await restarted.close();
        restarted = await startRoom({ dataDir: restarted.dataDir });
        const [next] = await restarted.record(1);
        expect(next!.seq).toBe(602);
        await restarted.entries.deleteMany({ tenant: 'acme' });
        await restarted.store.collection('ledger_checkpoints').deleteMany({});
        await restarted.module.get(Appenders).idle();
        await restarted.close();
        restarted = await startRoom({ dataDir: restarted.dataDir });
        await expect(restarted.record(1)).rejects.toMatchObject({ code: 'LEDGER.ROLLED_BACK' });
      } finally {
        await restarted.remove();
      }
    });
  });
});
