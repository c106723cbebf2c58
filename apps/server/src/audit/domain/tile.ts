import { hashesOfTile, rootOf, TILE_WIDTH, tileBytes } from '#libs/ledger';

/** One full tile of C2SP tlog-tiles, 256 hashes. Written once, never changed. */
export interface StoredTile {
  /** `<tenant>:<level>:<index in 16 digits>`. */
  _id: string;
  tenant: string;
  /** 0: leaf hashes; above: the roots of the tiles one level below. */
  level: number;
  index: number;
  /** 256 × 32 bytes. */
  hashes: Uint8Array;
  /** The root of these hashes, a hash of the tile above: so that a partial one is read without what lies below it. */
  root: Uint8Array;
}

export const storedTile = (
  tenant: string,
  level: number,
  index: number,
  hashes: readonly Uint8Array[],
): StoredTile => ({
  _id: `${tenant}:${level}:${index.toString().padStart(16, '0')}`,
  tenant,
  level,
  index,
  hashes: tileBytes(hashes),
  root: rootOf(hashes),
});

/** How many full tiles of this level a tree of `size` leaves has. */
export const fullTiles = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** (level + 1));

/** The root over a full tile, from its hashes and from nothing else that is stored. */
export const rootOfTile = (hashes: Uint8Array): Uint8Array => rootOf(hashesOfTile(hashes, TILE_WIDTH));
