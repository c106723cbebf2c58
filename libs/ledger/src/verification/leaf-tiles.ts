import { equalBytes } from '../bytes.js';
import type { LeafTile } from './report.types.js';

type TileName = Pick<LeafTile, 'from' | 'source'>;

/** The leaf tiles given and not passed yet, and how the passed ones compared. */
export class LeafTiles {
  compared = 0;
  agreed = 0;
  private tiles: { tile: LeafTile; disputed: boolean }[] = [];

  /** One that is given again, as where a reading goes on in the archive, counts once. */
  add(tile: LeafTile): void {
    if (this.has(tile)) return;
    // Of two tiles over the same entries, the anchored one is asked.
    const isAfter = ({ from, source }: LeafTile): boolean =>
      from > tile.from || (from === tile.from && source === 'stored' && tile.source === 'anchored');
    const at = this.tiles.findIndex((other) => isAfter(other.tile));
    this.tiles.splice(at < 0 ? this.tiles.length : at, 0, { tile, disputed: false });
  }

  /** Tiles that were compared with their entries elsewhere, and agree. */
  addAgreed(count: number): void {
    this.compared += count;
    this.agreed += count;
  }

  at(seq: number): { hash: Uint8Array; source: LeafTile['source'] } | undefined {
    for (const { tile } of this.tiles) {
      const hash = tile.hashes[seq - tile.from];
      if (hash !== undefined) return { hash, source: tile.source };
    }
    return undefined;
  }

  /** The next seq after `seq` whose tile has this leaf hash. */
  next(leaf: Uint8Array, seq: number): number | undefined {
    for (const { tile } of this.tiles) {
      const at = tile.hashes.findIndex((hash, index) => tile.from + index > seq && equalBytes(hash, leaf));
      if (at >= 0) return tile.from + at;
    }
    return undefined;
  }

  disputed(seq: number): void {
    for (const one of this.tiles) if (one.tile.hashes[seq - one.tile.from] !== undefined) one.disputed = true;
  }

  /** Forgets the tiles that end before `seq`. */
  pass(seq: number): void {
    while (this.tiles[0] !== undefined && endOf(this.tiles[0].tile) <= seq) this.count(this.tiles.shift()!.disputed);
  }

  /** The size that the tiles left say there was; those that begin before `size` were compared in part. */
  finish(size: number): number {
    for (const { tile, disputed } of this.tiles) if (tile.from < size) this.count(disputed);
    return Math.max(0, ...this.tiles.map(({ tile }) => endOf(tile)));
  }

  get isEmpty(): boolean {
    return this.tiles.length === 0;
  }

  /** Whether every tile given over these seqs, both inclusive, is among those that agree. */
  areAgreed(from: number, to: number, agreed: readonly TileName[]): boolean {
    const over = this.tiles.filter(({ tile }) => tile.from <= to && endOf(tile) > from);
    return over.every(({ tile }) => agreed.some((one) => one.from === tile.from && one.source === tile.source));
  }

  has({ from, source }: TileName): boolean {
    return this.tiles.some(({ tile }) => tile.from === from && tile.source === source);
  }

  private count(disputed: boolean): void {
    this.compared += 1;
    if (!disputed) this.agreed += 1;
  }
}

const endOf = ({ from, hashes }: LeafTile): number => from + hashes.length;
