import { Inject, Injectable } from '@nestjs/common';
import { equalBytes, leafHash, rootFrom, TILE_WIDTH } from '#libs/ledger';
import type { StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { fullTiles, rootOfTile, storedTile, type StoredTile } from '../domain/tile.js';
import { TileEntries } from '../storage/tile-entries.store.js';
import { Tiles } from '../storage/tiles.store.js';
import { LedgerHashTiles } from './ledger-hash-tiles.js';

/** Tiles made and stored at once: what a backlog holds in memory, and what is lost when the process dies within it. */
const PIECE = 16;

/**
 * Stores the full tiles of every level, each once. Two processes may do it at once, and any of them may die at any
 * point: tiles of a level are written in order and after those below, so the next call goes on behind the last one.
 */
@Injectable()
export class TileWriter {
  constructor(
    @Inject(Tiles) private readonly tiles: Pick<Tiles, 'add' | 'full' | 'roots' | 'count'>,
    @Inject(TileEntries) private readonly entries: Pick<TileEntries, 'range' | 'leafHashes'>,
  ) {}

  /**
   * Resolves when every full tile of the tree of this size, of all levels, is stored. Reads what is new, and otherwise
   * one look at the end of an index for each level. With the signed `root`: new tiles were found to lead to it.
   *
   * Rejects with AUDIT.TILE_CONTRADICTED (other tiles are stored, or they lead to another root) or
   * AUDIT.ENTRY_CONTRADICTED (an entry is missing, or its bytes are not what was appended): both mean that the store is
   * not what was signed. Any other rejection may be tried again.
   */
  async cover(tenant: string, size: number, root?: Uint8Array): Promise<void> {
    let isNew = false;
    for (let level = 0; fullTiles(level, size) > 0; level++) {
      const wanted = fullTiles(level, size);
      for (let next = await this.tiles.count(tenant, level); next < wanted;) {
        const count = Math.min(PIECE, wanted - next);
        const made =
          level === 0 ? await this.leafTiles(tenant, next, count) : [await this.upperTile(tenant, level, next)];
        await this.tiles.add(made);
        // If the process dies here, the next call goes on behind these.
        next += made.length;
        isNew = true;
      }
    }
    if (isNew && root) await this.assertRoot(tenant, size, root);
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

  /** From the hashes of the 256 tiles below. */
  private async upperTile(tenant: string, level: number, index: number): Promise<StoredTile> {
    const roots: Uint8Array[] = [];
    for (let below = index * TILE_WIDTH; roots.length < TILE_WIDTH; below++) {
      const hashes = await this.tiles.full(tenant, level - 1, below);
      if (!hashes) throw contradicted(tenant, `tile ${level - 1}/${below} was stored and is missing`);
      roots.push(rootOfTile(hashes));
    }
    return storedTile(tenant, level, index, roots);
  }

  /** An entry that was changed with all its hashes after it was signed, and before its tile was full, shows here. */
  private async assertRoot(tenant: string, size: number, root: Uint8Array): Promise<void> {
    const found = await rootFrom(new LedgerHashTiles(tenant, this.tiles, this.entries), size);
    if (!equalBytes(found, root))
      throw contradicted(tenant, `the tiles do not lead to the signed root of size ${size}`);
  }
}

const contradicted = (tenant: string, what: string): AuditError =>
  new AuditError('AUDIT.TILE_CONTRADICTED', `of the ledger of ${tenant} ${what}`);

/** From the bytes; undefined when the entry does not agree with itself. The store may hold anything. */
function leafHashOf({ bytes, leaf_hash }: Pick<StoredEntry, 'bytes' | 'leaf_hash'>): Uint8Array | undefined {
  if (!(bytes instanceof Uint8Array) || !(leaf_hash instanceof Uint8Array)) return undefined;
  const hash = leafHash(bytes);
  return equalBytes(hash, leaf_hash) ? hash : undefined;
}
