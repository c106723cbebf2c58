import { leafHash, rootOf } from '#libs/ledger';
import { startRoom, TENANT, type AuditRoom } from '../audit-room.fixture.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from '../storage/tiles.store.js';
import { LedgerHashTiles } from './ledger-hash-tiles.js';
import { TileWriter } from './tile-writer.js';

describe('the tiles in the store', () => {
  let room: AuditRoom;
  beforeEach(async () => {
    room = await startRoom();
    await room.record(600);
  });
  afterEach(() => room.remove());

  /** As after a restart: it knows nothing of what is stored. */
  const writer = (tiles = room.module.get(Tiles)): TileWriter =>
    new TileWriter(tiles, room.module.get(LedgerEntries), room.module.get(TileEntries));
  const stored = () => room.module.get(Tiles).collection.find({}, { promoteBuffers: true }).sort({ _id: 1 }).toArray();
  const leaves = async (): Promise<Uint8Array[]> => (await room.stored()).map(({ bytes }) => leafHash(bytes));

  it('are the full ones, written once', async () => {
    await writer().cover(TENANT, 600);
    const tiles = await stored();
    const hashes = await leaves();
    expect(tiles.map(({ _id }) => _id)).toEqual([`${TENANT}:0:0000000000000000`, `${TENANT}:0:0000000000000001`]);
    tiles.forEach((tile, index) => {
      const own = hashes.slice(index * 256, (index + 1) * 256);
      expect(Buffer.compare(tile.hashes, Buffer.concat(own))).toBe(0);
      expect(Buffer.compare(tile.root, rootOf(own))).toBe(0);
    });
    await Promise.all([writer().cover(TENANT, 600), writer().cover(TENANT, 600)]);
    expect(await stored()).toEqual(tiles);
  });

  it('are added behind those that are there, whoever wrote them', async () => {
    await writer().cover(TENANT, 300);
    const [first] = await stored();
    // A second writer that looked before the first one wrote.
    const late = writer(Object.assign(Object.create(room.module.get(Tiles)) as Tiles, { count: async () => 0 }));
    await late.cover(TENANT, 600);
    expect(await stored()).toHaveLength(2);
    expect((await stored())[0]).toEqual(first);
  });

  it('are made again where they are gone, of what the signed root proves', async () => {
    await writer().cover(TENANT, 600);
    const [first, second] = await stored();
    await room.module.get(Tiles).collection.deleteOne({ index: 0 });
    const read = room.module.get(LedgerEntries);
    const entries = { after: (seq: number, limit: number) => read.after(TENANT, seq, limit) };
    await writer().cover(TENANT, 600, { root: rootOf((await leaves()).slice(1)), entries });
    expect(await stored()).toEqual([second]);
    await writer().cover(TENANT, 600, { root: rootOf(await leaves()), entries });
    expect(await stored()).toEqual([first, second]);
  });

  it('are never overwritten', async () => {
    await writer().cover(TENANT, 300);
    const { collection } = room.module.get(Tiles);
    await collection.updateOne({ index: 0 }, { $set: { hashes: Buffer.alloc(8192), index: 7 } });
    await expect(writer().cover(TENANT, 2048 + 256)).rejects.toMatchObject({ code: 'AUDIT.ENTRY_CONTRADICTED' });
    await collection.updateOne({ index: 7 }, { $set: { index: 0, tenant: 'other' } });
    await expect(writer().cover(TENANT, 300)).rejects.toMatchObject({ code: 'AUDIT.TILE_CONTRADICTED' });
    expect(await stored()).toHaveLength(1);
  });

  it('are not made of entries that are missing or none', async () => {
    await room.entries.updateOne({ seq: 300 }, { $set: { bytes: 'text' } });
    await expect(writer().cover(TENANT, 600)).rejects.toMatchObject({ code: 'AUDIT.ENTRY_CONTRADICTED' });
    await room.entries.deleteOne({ seq: 20 });
    await expect(writer().cover(TENANT, 256)).rejects.toMatchObject({ code: 'AUDIT.ENTRY_CONTRADICTED' });
    expect(await stored()).toEqual([]);
  });

  it('give partial ones for every width, from the entries and from the full ones', async () => {
    await writer().cover(TENANT, 600);
    const source = new LedgerHashTiles(TENANT, room.module.get(Tiles), room.module.get(TileEntries));
    const hashes = await leaves();
    const same = (found: readonly Uint8Array[], expected: Uint8Array[]): void =>
      expect(Buffer.concat(found).equals(Buffer.concat(expected))).toBe(true);
    for (const width of [1, 100, 255]) same(await source.tile(0, 1, width), hashes.slice(256, 256 + width));
    same(await source.tile(0, 2, 88), hashes.slice(512, 600));
    same(await source.tile(1, 0, 2), [rootOf(hashes.slice(0, 256)), rootOf(hashes.slice(256, 512))]);
    await expect(source.tile(0, 2, 89)).rejects.toMatchObject({ code: 'AUDIT.ENTRY_CONTRADICTED' });
  });
});
