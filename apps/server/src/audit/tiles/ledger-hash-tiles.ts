import { hashesOfTile, TILE_WIDTH, type HashTiles } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { TileEntries } from '../tiers/tile-entries.js';
import type { Tiles } from '../storage/tiles.store.js';

/**
 * The tiles of one ledger, for every size that a published checkpoint has: full ones as stored, partial ones as the
 * beginning of a full one or from what lies below. A tile is one or two reads; of the documents that a read looks at
 * there are at most 256. Nothing is verified: proofs made of it are.
 */
export class LedgerHashTiles implements HashTiles {
  constructor(
    private readonly tenant: string,
    private readonly tiles: Pick<Tiles, 'full' | 'roots'>,
    private readonly entries: Pick<TileEntries, 'leafHashes'>,
  ) {}

  /** Rejects with AUDIT.TILE_MISSING or AUDIT.ENTRY_CONTRADICTED where the store lacks what was published. */
  async tile(level: number, index: number, width: number): Promise<readonly Uint8Array[]> {
    const full = await this.tiles.full(this.tenant, level, index);
    if (full) return hashesOfTile(full, TILE_WIDTH).slice(0, width);
    if (width === TILE_WIDTH) throw tileMissing(this.tenant, level, index);
    const from = index * TILE_WIDTH;
    if (level === 0) return this.entries.leafHashes(this.tenant, from, width);
    const roots = await this.tiles.roots(this.tenant, level - 1, from, from + width);
    if (roots.length < width) throw tileMissing(this.tenant, level - 1, from + roots.length);
    return roots;
  }
}

const tileMissing = (tenant: string, level: number, index: number): AuditError =>
  new AuditError('AUDIT.TILE_MISSING', `tile ${level}/${index} of ${tenant} was published and is missing`);
