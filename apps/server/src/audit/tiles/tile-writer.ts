import { Inject, Injectable } from '@nestjs/common';
import { equalBytes, leafHash, rootFrom, TILE_WIDTH } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { EntrySource } from '../checkpoints/turn-entries.js';
import type { SignedEntry } from '../domain/high-water-mark.js';
import { fullTiles, rootOfTile, storedTile, type StoredTile } from '../domain/tile.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
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
    @Inject(LedgerEntries) private readonly entries: Pick<LedgerEntries, 'after'>,
    @Inject(TileEntries) private readonly hashes: Pick<TileEntries, 'leafHashes'>,
  ) {}

  /**
   * Resolves when every full tile of the tree of this size, of all levels, is stored. Reads what is new, and otherwise
   * one look at the end of an index for each level. `signed`: the root of the tree, which new tiles were found to lead
   * to then, and where its entries may be read for less.
   *
   * Rejects with AUDIT.TILE_CONTRADICTED (other tiles are stored, or they lead to another root) or
   * AUDIT.ENTRY_CONTRADICTED (an entry is missing, or its bytes are none): both mean that the store is not what was
   * signed. Any other rejection may be tried again.
   */
  async cover(tenant: string, size: number, signed?: { root: Uint8Array; entries: EntrySource }): Promise<void> {
    const source = signed?.entries ?? { after: (seq, limit) => this.entries.after(tenant, seq, limit) };
    let isNew = false;
    for (let level = 0; fullTiles(level, size) > 0; level++) {
      const wanted = fullTiles(level, size);
      for (let next = await this.tiles.count(tenant, level); next < wanted;) {
        const count = Math.min(PIECE, wanted - next);
        const made =
          level === 0 ? await this.leafTiles(tenant, next, count, source) : [await this.upperTile(tenant, level, next)];
        await this.tiles.add(made);
        // If the process dies here, the next call goes on behind these.
        next += made.length;
        isNew = true;
      }
    }
    if (isNew && signed) await this.assertRoot(tenant, size, signed.root);
  }

  private async leafTiles(tenant: string, from: number, count: number, source: EntrySource): Promise<StoredTile[]> {
    const made: StoredTile[] = [];
    for (let index = from; made.length < count; index++) {
      const hashes: Uint8Array[] = [];
      while (hashes.length < TILE_WIDTH) {
        const next = index * TILE_WIDTH + hashes.length;
        const entries = await source.after(next, TILE_WIDTH - hashes.length);
        hashes.push(...leafHashesOf(tenant, next, entries));
      }
      made.push(storedTile(tenant, 0, index, hashes));
    }
    return made;
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
    const found = await rootFrom(new LedgerHashTiles(tenant, this.tiles, this.hashes), size);
    if (!equalBytes(found, root))
      throw contradicted(tenant, `the tiles do not lead to the signed root of size ${size}`);
  }
}

const contradicted = (tenant: string, what: string): AuditError =>
  new AuditError('AUDIT.TILE_CONTRADICTED', `of the ledger of ${tenant} ${what}`);

/** From the bytes, never from a column. The store may hold anything. */
function leafHashesOf(tenant: string, from: number, entries: readonly SignedEntry[]): Uint8Array[] {
  const at = entries.findIndex(({ seq, bytes }, i) => seq !== from + i || !(bytes instanceof Uint8Array));
  if (at < 0 && entries.length > 0) return entries.map(({ bytes }) => leafHash(bytes));
  throw new AuditError(
    'AUDIT.ENTRY_CONTRADICTED',
    `seq ${from + Math.max(at, 0)} of ${tenant} was signed and is missing`,
  );
}
