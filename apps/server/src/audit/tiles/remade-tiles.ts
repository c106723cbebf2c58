import { hasCode } from '#libs/kernel';
import { leafHash, rootOf, TILE_WIDTH, type HashTiles } from '#libs/ledger';
import { AuditError, type AuditErrorCode } from '../audit.errors.js';
import type { TileEntries } from '../tiers/tile-entries.js';

/**
 * The tiles of one ledger, and those that the store lacks as their entries, hot or archived, and the tiles below make
 * them. Nothing is verified: what is made of it has to be.
 */
export class RemadeTiles implements HashTiles {
  constructor(
    private readonly tenant: string,
    private readonly stored: HashTiles,
    private readonly entries: Pick<TileEntries, 'bytes'>,
  ) {}

  /** Rejects with AUDIT.TILE_MISSING where the retention of the entries is over, and as TileEntries does. */
  async tile(level: number, index: number, width: number): Promise<readonly Uint8Array[]> {
    try {
      return await this.stored.tile(level, index, width);
    } catch (missing) {
      if (!hasCode<AuditErrorCode>(missing, 'AUDIT.TILE_MISSING')) throw missing;
      return this.remade(level, index, width).catch((error: unknown) => {
        throw hasCode<AuditErrorCode>(error, 'AUDIT.ARCHIVE_RETIRED') ? missing : error;
      });
    }
  }

  private async remade(level: number, index: number, width: number): Promise<Uint8Array[]> {
    const from = index * TILE_WIDTH;
    if (level === 0) return leafHashesOf(this.tenant, from, await this.entries.bytes(this.tenant, from, width));
    const roots: Uint8Array[] = [];
    while (roots.length < width) roots.push(rootOf(await this.tile(level - 1, from + roots.length, TILE_WIDTH)));
    return roots;
  }
}

/** From the bytes, never from a column. The store may hold anything. */
export function leafHashesOf(tenant: string, from: number, lines: readonly unknown[]): Uint8Array[] {
  return lines.map((bytes, i) => {
    if (bytes instanceof Uint8Array) return leafHash(bytes);
    throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `seq ${from + i} of ${tenant} was signed and is missing`);
  });
}
