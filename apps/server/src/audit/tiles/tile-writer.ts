import { Inject, Injectable } from '@nestjs/common';
import { equalBytes, leafHash, TILE_WIDTH } from '#libs/ledger';
import type { StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { fullTiles, rootOfTile, storedTile, type StoredTile } from '../domain/tile.js';
import { TileEntries } from '../storage/tile-entries.store.js';
import { Tiles } from '../storage/tiles.store.js';
import { tileMissing } from './ledger-hash-tiles.js';

/** Tiles made and stored at once: what a backlog holds in memory, and what is lost when the process dies within it. */
const PIECE = 16;

/**
 * Stores the full tiles of every level, each once. Two processes may do it at once, and any of them may die at any
 * point: tiles of a level are written in order and after those below, so the next call goes on behind the last one.
 */
@Injectable()
export class TileWriter {
  /** By tenant, how many full tiles of each level are known to be stored. */
  private readonly stored = new Map<string, number[]>();

  constructor(
    @Inject(Tiles) private readonly tiles: Pick<Tiles, 'add' | 'full' | 'count'>,
    @Inject(TileEntries) private readonly entries: Pick<TileEntries, 'range'>,
  ) {}

  /**
   * Resolves when every full tile of the tree of this size, of all levels, is stored. Reads what is new and nothing
   * else, and after a start one index look-up a level. Rejects with AUDIT.TILE_CONTRADICTED (another tile is stored)
   * or AUDIT.ENTRY_CONTRADICTED (an entry is missing, or its bytes are not what was appended): both mean that the
   * store is not what was signed. Any other rejection may be tried again.
   */
  async cover(tenant: string, size: number): Promise<void> {
    const stored = this.stored.get(tenant) ?? (await this.countsOf(tenant));
    for (let level = 0; fullTiles(level, size) > 0; level++) {
      const wanted = fullTiles(level, size);
      for (let next = stored[level] ?? 0; next < wanted; next = stored[level] ?? 0) {
        const count = Math.min(PIECE, wanted - next);
        await this.tiles.add(
          level === 0 ? await this.leafTiles(tenant, next, count) : await this.upperTiles(tenant, level, next),
        );
        // If the process dies here, the count is read from the store again.
        stored[level] = next + (level === 0 ? count : 1);
      }
    }
    this.stored.set(tenant, stored);
  }

  private async countsOf(tenant: string): Promise<number[]> {
    const counts: number[] = [];
    // A tile is stored after the tiles below it: a level without any has none above.
    for (let level = 0, count = -1; count !== 0; level++) {
      count = await this.tiles.count(tenant, level);
      counts.push(count);
    }
    return counts;
  }

  private async leafTiles(tenant: string, index: number, count: number): Promise<StoredTile[]> {
    const hashes: Uint8Array[] = [];
    for await (const entry of this.entries.range(tenant, index * TILE_WIDTH, count * TILE_WIDTH)) {
      const hash = leafHashOf(entry);
      if (!hash) throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${entry.seq} of ${tenant} was changed`);
      hashes.push(hash);
    }
    return Array.from({ length: count }, (_, i) =>
      storedTile(tenant, 0, index + i, hashes.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)),
    );
  }

  /** One, from the hashes of the 256 tiles below. */
  private async upperTiles(tenant: string, level: number, index: number): Promise<StoredTile[]> {
    const roots: Uint8Array[] = [];
    for (let below = index * TILE_WIDTH; roots.length < TILE_WIDTH; below++) {
      const hashes = await this.tiles.full(tenant, level - 1, below);
      if (!hashes) throw tileMissing(tenant, level - 1, below);
      roots.push(rootOfTile(hashes));
    }
    return [storedTile(tenant, level, index, roots)];
  }
}

/** From the bytes; undefined when the entry does not agree with itself. The store may hold anything. */
function leafHashOf({ bytes, leaf_hash }: Pick<StoredEntry, 'bytes' | 'leaf_hash'>): Uint8Array | undefined {
  if (!(bytes instanceof Uint8Array) || !(leaf_hash instanceof Uint8Array)) return undefined;
  const hash = leafHash(bytes);
  return equalBytes(hash, leaf_hash) ? hash : undefined;
}
