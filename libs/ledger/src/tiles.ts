import { concatBytes } from './bytes.js';
import { MAX_EVENT_BYTES } from './event.js';
import { assertHashes, HASH_BYTES } from './hashes.js';
import { LedgerError } from './ledger.errors.js';
import { assertSize } from './tree-ranges.js';

// C2SP tlog-tiles: the tree and its entries as files.

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256;

/** Which hashes a tile holds: `width` nodes of tree level `8 * level`, from the node `256 * index` on. */
export interface TileName {
  /** From 0 (leaf hashes) to 63. */
  level: number;
  /** From 0; in a path, three digits an element. */
  index: number;
  /** From 1 to 256; 256, a full tile, when left out. */
  width?: number;
}

/** A tile or, with `entries` for a level, a bundle of entries. */
export interface TilePath {
  level: number | 'entries';
  index: number;
  width: number;
}

const PATH = /^tile\/(\d{1,2}|entries)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** `tile/0/x001/067`, or `tile/0/x001/067.p/8` for a partial tile. Throws TILE_PATH. */
export const tilePath = ({ level, index, width }: TileName): string => pathOf({ level, index, width });

/** `tile/entries/x001/067`, or `tile/entries/x001/067.p/8` for a partial bundle. Throws TILE_PATH. */
export const entriesPath = ({ index, width }: Omit<TileName, 'level'>): string =>
  pathOf({ level: 'entries', index, width });

/** The tile or bundle of a path, in its one spelling. Throws TILE_PATH. */
export function parseTilePath(path: string): TilePath {
  const [, level, elements, width = String(TILE_WIDTH)] = PATH.exec(path) ?? [];
  if (level === undefined || elements === undefined) throw badPath(path.slice(0, 128));
  const parsed: TilePath = {
    level: level === 'entries' ? level : Number(level),
    index: Number(elements.replaceAll(/[x/]/g, '')),
    width: Number(width),
  };
  if (pathOf(parsed) !== path) throw badPath(path.slice(0, 128));
  return parsed;
}

/** How many hashes the tile has in a tree of `size` leaves; 0 when it is not there. Throws SIZE_OUT_OF_RANGE. */
export function tileWidthAt({ level, index, size }: { level: number; index: number; size: number }): number {
  assertSize(size);
  // Below 2^53 every division by a power of two is exact in its integer part.
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** The bytes of a tile: 1 to 256 hashes, one after the other. Throws TILE_WIDTH or HASH_LENGTH. */
export function tileBytes(hashes: readonly Uint8Array[]): Uint8Array {
  assertWidth(hashes.length);
  assertHashes(hashes);
  return concatBytes(...hashes);
}

/** The hashes of a tile of this width. Throws TILE_WIDTH or TILE_LENGTH. */
export function hashesOfTile(bytes: Uint8Array, width: number): Uint8Array[] {
  assertWidth(width);
  if (bytes.length !== width * HASH_BYTES) {
    throw new LedgerError(
      'LEDGER.TILE_LENGTH',
      `a tile of width ${width} has ${width * HASH_BYTES} bytes, found ${bytes.length}`,
    );
  }
  return Array.from({ length: width }, (_, i) => bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

/** The bytes of a bundle: 1 to 256 entries, each after its length as a big-endian uint16. Throws TILE_WIDTH or EVENT_TOO_LARGE. */
export function entryBundleBytes(entries: readonly Uint8Array[]): Uint8Array {
  assertWidth(entries.length);
  return concatBytes(...entries.flatMap((entry) => [lengthPrefix(entry.length), entry]));
}

/** The entries of a bundle of this width. Throws TILE_WIDTH, BUNDLE_TRUNCATED or BUNDLE_TRAILING. */
export function entriesOfBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  assertWidth(width);
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (entries.length < width) {
    const [high, low] = bytes.subarray(offset, offset + 2);
    const end = high === undefined || low === undefined ? Infinity : offset + 2 + high * 256 + low;
    if (end > bytes.length) {
      throw new LedgerError(
        'LEDGER.BUNDLE_TRUNCATED',
        `a bundle of ${width} entries ends within entry ${entries.length}, after ${bytes.length} bytes`,
      );
    }
    entries.push(bytes.slice(offset + 2, end));
    offset = end;
  }
  if (offset < bytes.length) {
    throw new LedgerError(
      'LEDGER.BUNDLE_TRAILING',
      `a bundle of ${width} entries ends after ${offset} bytes, found ${bytes.length}`,
    );
  }
  return entries;
}

function pathOf({
  level,
  index,
  width = TILE_WIDTH,
}: Omit<TilePath, 'width'> & { width?: number | undefined }): string {
  if (level !== 'entries' && !(Number.isInteger(level) && level >= 0 && level <= 63)) {
    throw badPath(`level ${level}`);
  }
  if (!Number.isSafeInteger(index) || index < 0) throw badPath(`index ${index}`);
  if (!isWidth(width)) throw badPath(`width ${width}`);
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const suffix = width === TILE_WIDTH ? '' : `.p/${width}`;
  return `tile/${level}/${padded.replaceAll(/\d{3}(?!$)/g, 'x$&/')}${suffix}`;
}

function lengthPrefix(length: number): Uint8Array {
  if (length > MAX_EVENT_BYTES) {
    throw new LedgerError('LEDGER.EVENT_TOO_LARGE', `an entry has at most ${MAX_EVENT_BYTES} bytes, found ${length}`);
  }
  return Uint8Array.of(Math.floor(length / 256), length % 256);
}

const isWidth = (width: number): boolean => Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH;

function assertWidth(width: number): void {
  if (!isWidth(width)) {
    throw new LedgerError('LEDGER.TILE_WIDTH', `a tile or bundle has 1 to ${TILE_WIDTH} members, found ${width}`);
  }
}

const badPath = (found: string): LedgerError =>
  new LedgerError(
    'LEDGER.TILE_PATH',
    `a tile is tile/<level to 63 or entries>/<index, three digits an element>[.p/<width to 255>], found ${found}`,
  );
