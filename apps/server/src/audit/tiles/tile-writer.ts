import { Inject, Injectable } from '@nestjs/common';
import { CodedError } from '#libs/kernel';
import { equalBytes, rootFrom, rootOf, TILE_WIDTH } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { EntrySource } from '../checkpoints/turn-entries.js';
import type { SignedEntry } from '../domain/high-water-mark.js';
import { fullTiles, storedTile, type StoredTile } from '../domain/tile.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from '../storage/tiles.store.js';
import { LedgerHashTiles } from './ledger-hash-tiles.js';
import { provenTile } from './proven-tile.js';
import { leafHashesOf, RemadeTiles } from './remade-tiles.js';

/** Tiles made and stored at once: what a backlog holds in memory, and what is lost when the process dies within it. */
const PIECE = 16;
/** How often it is looked for tiles that are gone, in milliseconds; and how many are made again at most. */
const LOOK_MS = 86_400_000;
const REMADE = 64;

/**
 * Stores the full tiles of every level, each once. Two processes may do it at once, and any of them may die at any
 * point: tiles of a level are written in order and after those below, so the next call goes on behind the last one.
 */
@Injectable()
export class TileWriter {
  /** By ledger: when it was last looked for tiles that are gone. */
  private readonly looked = new Map<string, number>();

  constructor(
    @Inject(Tiles) private readonly tiles: Pick<Tiles, 'add' | 'full' | 'roots' | 'count' | 'missing'>,
    @Inject(LedgerEntries) private readonly entries: Pick<LedgerEntries, 'after'>,
    @Inject(TileEntries) private readonly hashes: Pick<TileEntries, 'leafHashes' | 'bytes'>,
  ) {}

  /**
   * Resolves when every full tile of the tree of this size, of all levels, is stored. Reads what is new, and otherwise
   * one look at the end of an index for each level. `signed`: the root of the tree, which new tiles were found to lead
   * to then, and where its entries may be read for less; with it, tiles that are gone are looked for once a day, and
   * made again where they lead to that root.
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
    if (!signed) return;
    if (isNew) await this.assertRoot(tenant, size, signed.root);
    await this.remake(tenant, size, signed.root);
  }

  private async leafTiles(tenant: string, from: number, count: number, source: EntrySource): Promise<StoredTile[]> {
    const made: StoredTile[] = [];
    for (let index = from; made.length < count; index++) {
      const hashes: Uint8Array[] = [];
      while (hashes.length < TILE_WIDTH) {
        const next = index * TILE_WIDTH + hashes.length;
        const entries = await source.after(next, TILE_WIDTH - hashes.length);
        if (entries[0]?.seq !== next) break;
        hashes.push(...contiguous(tenant, next, entries));
      }
      // Not hot any more: they were archived, under a tile that is gone.
      const all = hashes.length === TILE_WIDTH ? hashes : await this.all(tenant).tile(0, index, TILE_WIDTH);
      made.push(storedTile(tenant, 0, index, all));
    }
    return made;
  }

  /** From the hashes of the 256 tiles below. */
  private async upperTile(tenant: string, level: number, index: number): Promise<StoredTile> {
    const tiles = this.all(tenant);
    const roots: Uint8Array[] = [];
    for (let below = index * TILE_WIDTH; roots.length < TILE_WIDTH; below++) {
      roots.push(rootOf(await tiles.tile(level - 1, below, TILE_WIDTH)));
    }
    return storedTile(tenant, level, index, roots);
  }

  /** An entry that was changed with all its hashes after it was signed, and before its tile was full, shows here. */
  private async assertRoot(tenant: string, size: number, root: Uint8Array): Promise<void> {
    const found = await rootFrom(this.all(tenant), size);
    if (!equalBytes(found, root))
      throw contradicted(tenant, `the tiles do not lead to the signed root of size ${size}`);
  }

  /** What cannot be made again now keeps nobody from signing: it stays missing, and is looked for again. */
  private async remake(tenant: string, size: number, root: Uint8Array): Promise<void> {
    if (Date.now() - (this.looked.get(tenant) ?? 0) < LOOK_MS) return;
    this.looked.set(tenant, Date.now());
    for (let level = 0; fullTiles(level, size) > 0; level++) {
      for (const index of await this.tiles.missing(tenant, level, { before: fullTiles(level, size), most: REMADE })) {
        const hashes = await provenTile(this.all(tenant), { level, index, size, root }).catch((error: unknown) => {
          if (!(error instanceof CodedError)) throw error;
        });
        // If the process dies here, the next one looks again.
        if (hashes) await this.tiles.add([storedTile(tenant, level, index, hashes)]);
      }
    }
  }

  private all(tenant: string): RemadeTiles {
    return new RemadeTiles(tenant, new LedgerHashTiles(tenant, this.tiles, this.hashes), this.hashes);
  }
}

const contradicted = (tenant: string, what: string): AuditError =>
  new AuditError('AUDIT.TILE_CONTRADICTED', `of the ledger of ${tenant} ${what}`);

function contiguous(tenant: string, from: number, entries: readonly SignedEntry[]): Uint8Array[] {
  const lines = entries.map(({ seq, bytes }, i) => (seq === from + i ? bytes : undefined));
  return leafHashesOf(tenant, from, lines);
}
