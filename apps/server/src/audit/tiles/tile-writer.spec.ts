import fc from 'fast-check';
import {
  consistencyProofFrom,
  inclusionProofFrom,
  leafHash,
  rootFrom,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '#libs/ledger';
import type { EntrySource } from '../checkpoints/turn-entries.js';
import { InMemoryEntries, InMemoryTiles, smallEntries, type Fault } from './in-memory-tiles.fixture.js';
import { LedgerHashTiles } from './ledger-hash-tiles.js';
import { TileWriter } from './tile-writer.js';

const TENANT = 'acme';
/** One full tile of level 1, one of its own above it, and a beginning of everything. */
const LARGE = 65_536 + 5 * 256 + 77;
const entries = smallEntries(LARGE);
const leaves = entries.map(({ leaf_hash }) => leaf_hash);

const writerOver = (tiles: InMemoryTiles, read: InMemoryEntries): TileWriter => new TileWriter(tiles, read, read);

/** What the signer has of a tree. */
const signed = (size: number, read: InMemoryEntries): { root: Uint8Array; entries: EntrySource } => ({
  root: rootOf(leaves.slice(0, size)),
  entries: { after: (seq, limit) => read.after(TENANT, seq, limit) },
});

const openRoom = (count = LARGE): { tiles: InMemoryTiles; read: InMemoryEntries; writer: TileWriter } => {
  const tiles = new InMemoryTiles();
  const read = new InMemoryEntries(entries.slice(0, count));
  return { tiles, read, writer: writerOver(tiles, read) };
};

/** C2SP tlog-tiles, by its words: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]). */
function namedTile(level: number, index: number): Uint8Array {
  const span = 256 ** level;
  const hash = (i: number): Uint8Array => rootOf(leaves.slice((index * 256 + i) * span, (index * 256 + i + 1) * span));
  return Buffer.concat(Array.from({ length: 256 }, (_, i) => hash(i)));
}

const namesAt = (size: number): string[] => {
  const names: string[] = [];
  for (let level = 0; level < 3; level++) {
    for (let index = 0; (index + 1) * 256 ** (level + 1) <= size; index++) {
      names.push(`${TENANT}:${level}:${index.toString().padStart(16, '0')}`);
    }
  }
  return names;
};

describe('cover', () => {
  it('stores every full tile of every level and no other, each as tlog-tiles says', async () => {
    const { tiles, writer } = openRoom();
    await writer.cover(TENANT, LARGE);
    expect([...tiles.stored.keys()].sort()).toEqual(namesAt(LARGE).sort());
    for (const { level, index, hashes, root } of tiles.stored.values()) {
      if (level === 0 && index % 50 !== 0) continue;
      expect(Buffer.compare(hashes, namedTile(level, index))).toBe(0);
      const span = 256 ** (level + 1);
      expect(root).toEqual(rootOf(leaves.slice(index * span, (index + 1) * span)));
    }
  });

  it('reads what is new and nothing else', async () => {
    const { read, tiles, writer } = openRoom();
    await writer.cover(TENANT, 1000);
    expect(read.read).toEqual(Array.from({ length: 768 }, (_, i) => i));
    await writer.cover(TENANT, 1023);
    expect(read.read).toHaveLength(768);
    await writer.cover(TENANT, 1024);
    expect(read.read).toHaveLength(1024);
    const second = writerOver(tiles, read);
    await second.cover(TENANT, 1279);
    expect(read.read).toHaveLength(1024);
  });

  it('under any interleaving of writers, faults and deaths: every full tile, once, and no other', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 4 });
    const faults = fc.array(fc.option(fc.constantFrom<Fault>('lost', 'kept'), { nil: undefined }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), sizes, faults, async (scheduler, asked, given) => {
        const tiles = new InMemoryTiles(scheduler);
        tiles.faults = given;
        const read = new InMemoryEntries(entries.slice(0, 3_000));
        // A new writer knows nothing, as after a restart.
        const covered = async (size: number): Promise<void> => {
          const tree = signed(size, read);
          for (;;) {
            const failed = await writerOver(tiles, read)
              .cover(TENANT, size, tree)
              .then(
                () => undefined,
                (error: Error) => error,
              );
            if (!failed) break;
            expect(failed.message).toMatch(/was lost$/);
          }
          expect([...tiles.stored.keys()]).toEqual(expect.arrayContaining(namesAt(size)));
        };
        await scheduler.waitFor(Promise.all(asked.map(covered)));
        expect([...tiles.stored.keys()].sort()).toEqual(namesAt(Math.max(...asked)).sort());
        for (const { index, hashes } of tiles.stored.values()) {
          expect(Buffer.compare(hashes, Buffer.concat(leaves.slice(index * 256, (index + 1) * 256)))).toBe(0);
        }
      }),
      { numRuns: Number(process.env['INTERLEAVINGS'] ?? 25) },
    );
  });

  it('never overwrites a full tile that is another', async () => {
    const { tiles, writer } = openRoom();
    await writer.cover(TENANT, 512);
    const [first] = [...tiles.stored.values()];
    const other = Buffer.from(first!.hashes);
    other[5]! ^= 1;
    tiles.stored.set(first!._id, { ...first!, hashes: other });
    tiles.count = async () => 0; // as a writer that started when nothing was stored
    const late = writerOver(tiles, new InMemoryEntries(entries));
    await expect(late.cover(TENANT, 512)).rejects.toMatchObject({ code: 'AUDIT.TILE_CONTRADICTED' });
    expect(tiles.stored.get(first!._id)!.hashes).toBe(other);
  });

  it('holds new tiles against the signed root', async () => {
    const { read, writer } = openRoom();
    await writer.cover(TENANT, 700, signed(700, read));
    const changed = entries.map((entry) => ({ ...entry }));
    const bytes = Buffer.from('another');
    changed[800] = { ...changed[800]!, bytes, leaf_hash: leafHash(bytes) };
    const later = new InMemoryEntries(changed);
    const late = writerOver(new InMemoryTiles(), later);
    await expect(late.cover(TENANT, 1100, signed(1100, later))).rejects.toMatchObject({
      code: 'AUDIT.TILE_CONTRADICTED',
    });
  });

  it('makes tiles again that are gone, of any level, where they lead to the signed root', async () => {
    const { tiles, read } = openRoom();
    await writerOver(tiles, read).cover(TENANT, 65_535);
    const gone = [`${TENANT}:0:0000000000000100`, `${TENANT}:1:0000000000000000`];
    tiles.stored.delete(gone[0]!);
    await writerOver(tiles, read).cover(TENANT, 65_536, signed(65_536, read));
    expect([...tiles.stored.keys()].sort()).toEqual(namesAt(65_536).sort());
    for (const name of [gone[0]!, `${TENANT}:0:0000000000000255`, gone[1]!]) tiles.stored.delete(name);
    await writerOver(tiles, read).cover(TENANT, LARGE, signed(LARGE, read));
    expect([...tiles.stored.keys()].sort()).toEqual(namesAt(LARGE).sort());
    expect(Buffer.compare(tiles.stored.get(gone[0]!)!.hashes, namedTile(0, 100))).toBe(0);
    expect(Buffer.compare(tiles.stored.get(gone[1]!)!.hashes, namedTile(1, 0))).toBe(0);
  });

  it('makes no tile again of entries that do not lead to the signed root, and signs on where no new tile is', async () => {
    const { tiles, read } = openRoom();
    await writerOver(tiles, read).cover(TENANT, 1000);
    tiles.stored.delete(`${TENANT}:0:0000000000000001`);
    const changed = entries.slice(0, 1_100).map((entry) => ({ ...entry }));
    changed[300] = { ...changed[300]!, bytes: Buffer.from('another') };
    const late = (): TileWriter => writerOver(tiles, new InMemoryEntries(changed));
    await late().cover(TENANT, 1000, signed(1000, read));
    await expect(late().cover(TENANT, 1024, signed(1024, read))).rejects.toMatchObject({
      code: 'AUDIT.TILE_CONTRADICTED',
    });
    expect(tiles.stored.has(`${TENANT}:0:0000000000000001`)).toBe(false);
  });

  it('takes no hash from a column, and makes no tile of what is missing', async () => {
    const changed = entries.slice(0, 600).map((entry) => ({ ...entry, leaf_hash: new Uint8Array(32) }));
    const tiles = new InMemoryTiles();
    await writerOver(tiles, new InMemoryEntries(changed)).cover(TENANT, 300);
    expect([...tiles.stored.values()][0]!.hashes).toEqual(Buffer.concat(leaves.slice(0, 256)));
    const [, ...without] = changed.slice(255);
    const late = writerOver(tiles, new InMemoryEntries([...changed.slice(0, 255), ...without]));
    await expect(late.cover(TENANT, 600)).rejects.toMatchObject({ code: 'AUDIT.ENTRY_CONTRADICTED' });
    expect(tiles.stored.size).toBe(1);
  });
});

describe('LedgerHashTiles', () => {
  it('gives the root and every proof of every size, in reads that grow with the levels alone', async () => {
    const { tiles, read, writer } = openRoom();
    await writer.cover(TENANT, LARGE);
    const source = new LedgerHashTiles(TENANT, tiles, read);
    const size = fc.oneof(fc.integer({ min: 1, max: LARGE }), fc.constantFrom(255, 256, 257, 65_535, 65_536, 65_537));
    const most = { inclusion: 0, consistency: 0 };
    await fc.assert(
      fc.asyncProperty(size, size, fc.nat(), async (a, b, pick) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const [fromRoot, toRoot] = await Promise.all([rootFrom(source, from), rootFrom(source, to)]);
        const index = pick % to;
        tiles.reads = 0;
        const proof = await inclusionProofFrom(source, { index, size: to });
        most.inclusion = Math.max(most.inclusion, tiles.reads);
        verifyInclusion({ leafHash: leaves[index]!, index, size: to, proof, root: toRoot });
        tiles.reads = 0;
        const consistency = await consistencyProofFrom(source, { from, to });
        most.consistency = Math.max(most.consistency, tiles.reads);
        verifyConsistency({ from, to, fromRoot, toRoot, proof: consistency });
      }),
      { numRuns: 150, examples: [[LARGE, LARGE - 1, 0]] },
    );
    expect(await rootFrom(source, LARGE)).toEqual(rootOf(leaves));
    // Three levels; a level needs its own tile and the one at the edge, and a partial one is looked for as a full one first.
    expect(most.inclusion).toBeLessThanOrEqual(3 * 2 * 2);
    expect(most.consistency).toBeLessThanOrEqual(3 * 2 * 2);
  });

  it('says which tile is missing', async () => {
    const { tiles, read, writer } = openRoom();
    await writer.cover(TENANT, 1024);
    tiles.stored.delete(`${TENANT}:0:0000000000000002`);
    const source = new LedgerHashTiles(TENANT, tiles, read);
    await expect(source.tile(0, 2, 256)).rejects.toMatchObject({ code: 'AUDIT.TILE_MISSING' });
    await expect(source.tile(1, 0, 4)).rejects.toMatchObject({ code: 'AUDIT.TILE_MISSING' });
    await expect(source.tile(1, 0, 2)).resolves.toHaveLength(2);
  });
});
