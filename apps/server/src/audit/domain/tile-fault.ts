import { equalBytes, hashesOfTile, TILE_WIDTH, type LeafTile, type TileFault } from '#libs/ledger';
import { rootOfTile } from './tile.js';

const TILE_BYTES = TILE_WIDTH * 32;

/** A full tile as the store has it: its fields may hold anything. */
export interface TileFields {
  level: number;
  index: number;
  hashes: unknown;
  root: unknown;
}

/** A stored tile of leaf hashes for the verifier, cut off before seq `end`; or what in it contradicts itself. */
export function leafTileOf(tile: TileFields, end: number): LeafTile | { fault: TileFault } {
  const { hashes } = tile;
  const from = tile.index * TILE_WIDTH;
  if (!isTile(hashes)) return { fault: tileFault(tile, 'hashes', 'it is no 256 hashes') };
  if (!isRootOf(tile.root, hashes)) return { fault: tileFault(tile, 'root', 'its root is not that of its hashes') };
  return { from, hashes: hashesOfTile(hashes, TILE_WIDTH).slice(0, end - from), source: 'stored' };
}

/** What is wrong with a tile above the leaves; `below`: the roots of the tiles whose hashes it should hold. */
export function upperTileFault(tile: TileFields, below: readonly Uint8Array[]): TileFault | undefined {
  const { hashes } = tile;
  if (!isTile(hashes)) return tileFault(tile, 'hashes', 'it is no 256 hashes');
  if (!isRootOf(tile.root, hashes)) return tileFault(tile, 'root', 'its root is not that of its hashes');
  const held = hashesOfTile(hashes, TILE_WIDTH);
  const agrees =
    below.length === TILE_WIDTH && below.every((root, i) => root instanceof Uint8Array && equalBytes(root, held[i]!));
  return agrees ? undefined : tileFault(tile, 'hashes', 'it does not hold the roots of the tiles below');
}

function tileFault({ level, index }: TileFields, field: string, reason: string): TileFault {
  const entries = TILE_WIDTH ** (level + 1);
  const [from, to] = [index * entries, (index + 1) * entries - 1];
  return { from, to, field, reason: `the stored tile ${index} of level ${level}: ${reason}` };
}

const isTile = (hashes: unknown): hashes is Uint8Array => hashes instanceof Uint8Array && hashes.length === TILE_BYTES;

const isRootOf = (root: unknown, hashes: Uint8Array): boolean =>
  root instanceof Uint8Array && equalBytes(rootOfTile(hashes), root);
