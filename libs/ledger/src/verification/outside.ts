import { rootsOf } from '../tile-tree.js';
import type { HashTiles } from '../tile-tree.js';
import { subtrees } from './lossy-tree.js';

/**
 * What `LedgerVerifier.outside` wants for the entries from `from` to before `to` of a tree of `size` entries, out of its
 * tiles: a few hashes, however many the entries. Throws SIZE_OUT_OF_RANGE or TILE_LENGTH.
 */
export const subtreeRootsFrom = (
  tiles: HashTiles,
  { from, to, size }: { from: number; to: number; size: number },
): Promise<Uint8Array[]> => rootsOf(tiles, subtrees(from, to), size);
