import { EMPTY_ROOT, nodeHash } from './hashes.js';
import { LedgerError } from './ledger.errors.js';
import { TILE_WIDTH, tileWidthAt } from './tiles.js';
import { rootOf } from './tree.js';
import { assertSize, consistencyRanges, inclusionRanges, isPowerOfTwo, splitOf } from './tree-ranges.js';
import type { LeafRange } from './tree-ranges.js';

/** Where tiles come from. */
export interface HashTiles {
  /**
   * The first `width` hashes of this tile, 32 bytes each; `width` is what the tile has in the tree asked about. A
   * source that holds the full tile gives the first of it. Nothing is verified by whoever asks.
   */
  tile(level: number, index: number, width: number): Promise<readonly Uint8Array[]>;
}

/** The root of the tree of `size` leaves, from at most two tiles a level. Throws SIZE_OUT_OF_RANGE or TILE_LENGTH. */
export async function rootFrom(tiles: HashTiles, size: number): Promise<Uint8Array> {
  assertSize(size);
  if (size === 0) return EMPTY_ROOT;
  const [root] = await rootsOf(tiles, [{ from: 0, to: size }], size);
  return root as Uint8Array;
}

/** `inclusionProof` of a tree that is only there in tiles. Throws SIZE_ or INDEX_OUT_OF_RANGE, or TILE_LENGTH. */
export const inclusionProofFrom = async (
  tiles: HashTiles,
  { index, size }: { index: number; size: number },
): Promise<Uint8Array[]> => rootsOf(tiles, inclusionRanges(index, size), size);

/** `consistencyProof` of a tree that is only there in tiles. Throws SIZE_OUT_OF_RANGE or TILE_LENGTH. */
export const consistencyProofFrom = async (
  tiles: HashTiles,
  { from, to }: { from: number; to: number },
): Promise<Uint8Array[]> => rootsOf(tiles, consistencyRanges(from, to), to);

/** The roots of these subtrees of the tree of `size` leaves; each tile is asked for once. */
export async function rootsOf(tiles: HashTiles, ranges: readonly LeafRange[], size: number): Promise<Uint8Array[]> {
  const asked = new Map<string, Promise<readonly Uint8Array[]>>();
  const tile = (level: number, index: number): Promise<readonly Uint8Array[]> => {
    const name = `${level}/${index}`;
    const found = asked.get(name) ?? checkedTile(tiles, level, index, size);
    asked.set(name, found);
    return found;
  };
  return Promise.all(ranges.map((range) => rootOfRange(range, tile)));
}

async function checkedTile(
  tiles: HashTiles,
  level: number,
  index: number,
  size: number,
): Promise<readonly Uint8Array[]> {
  const width = tileWidthAt({ level, index, size });
  const hashes = await tiles.tile(level, index, width);
  if (hashes.length !== width) {
    throw new LedgerError(
      'LEDGER.TILE_LENGTH',
      `tile ${level}/${index} has ${width} hashes at size ${size}, found ${hashes.length}`,
    );
  }
  return hashes;
}

/** RFC 6962 §2.1: full subtrees from the left, each as large as fits, then what is left of them folded from the right. */
async function rootOfRange(
  { from, to }: LeafRange,
  tile: (level: number, index: number) => Promise<readonly Uint8Array[]>,
): Promise<Uint8Array> {
  const full: Promise<Uint8Array>[] = [];
  let start = from;
  while (!isPowerOfTwo(to - start)) {
    const length = splitOf(to - start);
    full.push(rootOfFull(start, length, tile));
    start += length;
  }
  full.push(rootOfFull(start, to - start, tile));
  return (await Promise.all(full)).reduceRight((right, left) => nodeHash(left, right));
}

/** The node over `length` leaves, a power of two, from a multiple of it: a part of one tile, hashed together. */
async function rootOfFull(
  from: number,
  length: number,
  tile: (level: number, index: number) => Promise<readonly Uint8Array[]>,
): Promise<Uint8Array> {
  let level = 0;
  let span = 1; // leaves under one hash of the tile
  while (span * TILE_WIDTH <= length) {
    level += 1;
    span *= TILE_WIDTH;
  }
  const first = from / span;
  const index = Math.floor(first / TILE_WIDTH);
  const hashes = await tile(level, index);
  const offset = first - index * TILE_WIDTH;
  return rootOf(hashes.slice(offset, offset + length / span));
}
