import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { QueryBus } from '@nestjs/cqrs';
import type { ObjectStore } from '#libs/object-store';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { ListArchives } from '../queries/list-archives.query.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { sampleBatch } from '../storage/archive-batch.fixture.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { ColdCopyProgress } from './cold-copy-progress.js';
import { ColdCopyTask } from './cold-copy-task.js';
import { ColdStores } from './cold-stores.js';

const HOUR_MS = 3_600_000;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let room: AuditRoom;
let cold: ColdStores;
let primary: ObjectStore;
let copy: ObjectStore;
let at = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-cold-'));
  room = await startRoom({ env: { AUDIT_COLD_COPY_URL: pathToFileURL(join(folder, 'copy')).href } });
  await room.record(1);
  cold = room.module.get(ColdStores);
  [primary, copy] = [await cold.primary(), (await cold.copy())!];
});
afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  await room.remove();
  await rm(folder, { recursive: true, force: true });
});

/** A recorded batch and its two objects, of bytes that only their digests know. */
async function batchPut(over: Partial<ArchiveBatch> = {}, options = {}): Promise<ArchiveBatch> {
  const batch = sampleBatch(TENANT, at++, { archivedAt: new Date(), ...over });
  const [jsonl, manifest] = [randomBytes(5_000), randomBytes(500)];
  await primary.put(batch.jsonlKey, jsonl, options);
  await primary.put(batch.manifestKey, manifest, options);
  return batches().add({ ...batch, storedSha256: sha256(jsonl), manifestSha256: sha256(manifest) });
}

const batches = (): ArchiveBatches => room.module.get(ArchiveBatches);
const turn = (): Promise<number> => room.module.get(ColdCopyTask).turn();
let hours = 0;
/** As if an hour had passed. */
const statementsAreDue = (): void => {
  const [now, ms] = [Date.now.bind(Date), ++hours * HOUR_MS];
  jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);
};
const state = () => room.module.get(ColdCopyProgress).of(TENANT);
const bytesAt = async (store: ObjectStore, key: string): Promise<Buffer> => buffer((await store.get(key)).body);
const fileOf = (store: 'primary' | 'copy', key: string): string =>
  join(store === 'primary' ? join(room.dataDir, 'cold') : join(folder, 'copy'), 'objects', `${key}@object`);

describe('the copy of the cold store', () => {
  it('gets both objects of every batch, and is behind until then', async () => {
    const made = [
      await batchPut({ archivedAt: new Date(Date.now() - HOUR_MS) }),
      await batchPut({ state: 'recorded' }),
    ];
    expect(await state()).toMatchObject({ place: 'file', lag_batches: 2 });
    const requester = { tenant: TENANT, actor: { type: 'service', id: 'reader' } } as const;
    const asked = new ListArchives(TENANT, { before: undefined, limit: 1 }, requester);
    expect((await room.module.get(QueryBus).execute(asked)).copy).toMatchObject({
      lag_batches: 2,
    });
    expect((await state())!.lag_ms).toBeGreaterThanOrEqual(HOUR_MS);
    expect(await turn()).toBe(0);
    expect(await state()).toEqual({ place: 'file', lag_batches: 0, lag_ms: 0 });
    for (const { _id, jsonlKey, manifestKey, storedSha256, manifestSha256 } of made) {
      expect(sha256(await bytesAt(copy, jsonlKey))).toBe(storedSha256);
      expect(sha256(await bytesAt(copy, manifestKey))).toBe(manifestSha256);
      expect((await batches().get(TENANT, _id))?.copy?.copiedAt).toBeInstanceOf(Date);
    }
  });

  it('takes what is there already and equal for copied: the process died before it was recorded', async () => {
    const batch = await batchPut();
    await copy.put(batch.jsonlKey, await bytesAt(primary, batch.jsonlKey));
    expect(await turn()).toBe(0);
    expect(await state()).toMatchObject({ lag_batches: 0 });
  });

  it('is retained and held as the primary is', async () => {
    const retainUntil = new Date(Math.ceil(Date.now() / 1000) * 1000 + HOUR_MS);
    const batch = await batchPut({}, { retainUntil, lockMode: 'governance', legalHold: true });
    await turn();
    for (const key of [batch.jsonlKey, batch.manifestKey]) {
      expect(await copy.head(key)).toMatchObject({ retainUntil, lockMode: 'governance', legalHold: true });
    }
    await cold.hold(batch, false);
    for (const store of [primary, copy]) {
      const lock = { retainUntil, lockMode: 'governance', legalHold: false };
      expect(await store.head(batch.manifestKey)).toMatchObject(lock);
    }
    await expect(cold.remove(batch)).rejects.toMatchObject({ code: 'OBJECT_STORE.RETAINED' });
  });

  it('is held when the hold came while it was put', async () => {
    const batch = await batchPut();
    const put = jest.spyOn(copy, 'put');
    for (const key of [batch.jsonlKey, batch.manifestKey]) {
      put.mockImplementationOnce(async (...asked) => {
        await primary.hold(key, true);
        return copy.put(...asked);
      });
    }
    await turn();
    put.mockRestore();
    for (const key of [batch.jsonlKey, batch.manifestKey]) {
      expect(await copy.head(key)).toMatchObject({ legalHold: true });
    }
  });

  it('gets receipts and tombstones that lie beside the batches', async () => {
    const statements = [
      `tenants/${TENANT}/ledger/erasures/a.json`,
      `tenants/${TENANT}/ledger/archive/b.tombstone.json`,
    ];
    for (const key of statements) await primary.put(key, Buffer.from(key), { legalHold: true });
    statementsAreDue();
    expect(await turn()).toBe(0);
    for (const key of statements) {
      expect((await bytesAt(copy, key)).toString()).toBe(key);
      expect(await copy.head(key)).toMatchObject({ legalHold: true });
    }
  });

  it('gets what lies behind an object that another program put there, which is told; of other ledgers too', async () => {
    const [foreign, later] = ['a', 'z'].map((name) => `tenants/${TENANT}/ledger/erasures/0-${name}.json`);
    await primary.put(later!, Buffer.from(later!));
    await writeFile(fileOf('primary', foreign!), 'no object of ours');
    await room.module.get(Ledgers).ledger('zeta');
    const batch = await batchPut({ tenant: 'zeta' });
    statementsAreDue();
    expect(await turn()).toBe(1);
    expect((await bytesAt(copy, later!)).toString()).toBe(later);
    expect((await batches().get('zeta', batch._id))?.copy).toBeDefined();
    const told = room.lines.find((line) => line.includes('audit.cold_copy_failed'));
    expect(JSON.parse(told!)).toMatchObject({
      error_code: 'OBJECT_STORE.CORRUPT',
      tenant_id: TENANT,
      object_key: foreign,
    });
    room.lines.length = 0;
    await rm(fileOf('primary', foreign!));
  });

  it('does not get what is not what the record says, nor replaces what lies there; the others go on', async () => {
    const [damaged, occupied] = [await batchPut(), await batchPut()];
    const text = await readFile(fileOf('primary', damaged.jsonlKey));
    text[7]! ^= 1;
    await writeFile(fileOf('primary', damaged.jsonlKey), text);
    await copy.put(occupied.manifestKey, Buffer.from('of somebody else'));
    const good = await batchPut();
    expect(await turn()).toBe(2);
    expect((await batches().get(TENANT, good._id))?.copy).toBeDefined();
    expect((await bytesAt(copy, occupied.manifestKey)).toString()).toBe('of somebody else');
    expect(await state()).toMatchObject({ lag_batches: 2 });
    const codes = room.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const failed = codes.filter(({ action }) => action === 'audit.cold_copy_failed').map((line) => line['error_code']);
    expect(failed).toEqual(['OBJECT_STORE.CORRUPT', 'AUDIT.COLD_COPY_OCCUPIED']);
  });

  it('is not left with half a batch whose objects went while it was copied', async () => {
    const batch = await batchPut();
    const put = copy.put.bind(copy);
    jest.spyOn(copy, 'put').mockImplementationOnce(async (...given) => {
      await batches().setState(batch._id, ['done'], 'retired');
      await primary.delete(batch.manifestKey);
      return put(...given);
    });
    await turn();
    await expect(copy.head(batch.jsonlKey)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
  });

  it('is not left with a batch whose retention ended while it was copied', async () => {
    const batch = await batchPut();
    const store = batches();
    const setCopy = jest.spyOn(store, 'setCopy').mockImplementationOnce(async (id, copied) => {
      await store.setState(id, ['done'], 'retired');
      return store.setCopy(id, copied);
    });
    await turn();
    setCopy.mockRestore();
    for (const key of [batch.jsonlKey, batch.manifestKey]) {
      await expect(copy.head(key)).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
    }
  });
});

describe('ColdStores.read', () => {
  let batch: ArchiveBatch;
  let bytes: Buffer;
  beforeEach(async () => {
    batch = await batchPut();
    bytes = await bytesAt(primary, batch.jsonlKey);
    await turn();
  });

  it('reads from the primary', async () => {
    const found = await cold.read(batch, 'jsonl');
    expect([found.from, found.primaryFault, bytes.equals(found.bytes)]).toEqual(['primary', undefined, true]);
  });

  it.each([
    ['OBJECT_STORE.NOT_FOUND', 'lacks it', () => primary.delete(batch.jsonlKey)],
    ['OBJECT_STORE.CORRUPT', 'has other bytes', () => primary.put(batch.jsonlKey, randomBytes(5_000))],
    [
      'OBJECT_STORE.CORRUPT',
      'has it damaged',
      () => rename(fileOf('primary', batch.manifestKey), fileOf('primary', batch.jsonlKey)),
    ],
  ])('says %s and reads from the copy when the primary %s', async (code, _how, harm) => {
    await harm();
    const found = await cold.read(batch, 'jsonl');
    expect(bytes.equals(found.bytes)).toBe(true);
    expect(found).toMatchObject({ from: 'copy', primaryFault: code });
    expect(room.lines.at(-1)).toContain('audit.cold_failover');
    // Each place by itself says what it has.
    expect((await cold.readFrom('copy', batch, 'jsonl')).from).toBe('copy');
    await expect(cold.readChecked('primary', batch, 'jsonl')).rejects.toMatchObject({ code });
  });

  it("rejects with the primary's fault when the copy is altered too", async () => {
    await primary.delete(batch.jsonlKey);
    await copy.put(batch.jsonlKey, randomBytes(5_000));
    await expect(cold.read(batch, 'jsonl')).rejects.toMatchObject({ code: 'OBJECT_STORE.NOT_FOUND' });
  });
});
