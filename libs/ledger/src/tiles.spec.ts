import fc from 'fast-check';
import {
  entriesOfBundle,
  entriesPath,
  entryBundleBytes,
  hashesOfTile,
  parseTilePath,
  tileBytes,
  tilePath,
  tileWidthAt,
} from './index.js';
import { codeOf } from './thrown-code.fixture.js';

const LAST = Number.MAX_SAFE_INTEGER;
const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i));

describe('tilePath', () => {
  it('is that of the examples of C2SP tlog-tiles', () => {
    expect(tilePath({ level: 0, index: 1_234_067 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 1, index: 1067, width: 8 })).toBe('tile/1/x001/067.p/8');
    expect(entriesPath({ index: 0 })).toBe('tile/entries/000');
    expect(entriesPath({ index: 999, width: 255 })).toBe('tile/entries/999.p/255');
    expect(tilePath({ level: 63, index: LAST, width: 256 })).toBe('tile/63/x009/x007/x199/x254/x740/991');
  });

  it('is read back, whatever the place', () => {
    const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const));
    const index = fc.oneof(fc.nat(2000), fc.maxSafeNat());
    fc.assert(
      fc.property(level, index, fc.integer({ min: 1, max: 256 }), (at, place, width) => {
        const name = { index: place, width };
        const path = at === 'entries' ? entriesPath(name) : tilePath({ level: at, ...name });
        expect(parseTilePath(path)).toEqual({ level: at, index: place, width });
      }),
    );
  });

  it.each([
    [-1, 0, 1],
    [64, 0, 1],
    [0.5, 0, 1],
    [0, -1, 1],
    [0, 2 ** 53, 1],
    [0, 1.5, 1],
    [0, NaN, 1],
    [0, 0, 0],
    [0, 0, 257],
    [0, 0, 1.5],
  ])('refuses level %d, index %d, width %d with LEDGER.TILE_PATH', (level, index, width) => {
    expect(codeOf(() => tilePath({ level, index, width }))).toBe('LEDGER.TILE_PATH');
  });
});

describe('parseTilePath', () => {
  it.each([
    [''],
    ['tile/0/0'],
    ['tile/0/00'],
    ['tile/0/0000'],
    ['/tile/0/000'],
    ['tile/0/000/'],
    ['tile/0/000\n'],
    ['tile/00/000'],
    ['tile/64/000'],
    ['tile/-1/000'],
    ['tile/x/000'],
    ['tile/Entries/000'],
    ['tile/0/x000/001'],
    ['tile/0/001/002'],
    ['tile/0/x001'],
    ['tile/0/x001/x002'],
    ['tile/0/x009/x007/x199/x254/x740/992'],
    ['tile/0/x999/x999/x999/x999/x999/x999/999'],
    ['tile/0/000.p/0'],
    ['tile/0/000.p/256'],
    ['tile/0/000.p/01'],
    ['tile/0/000.p/'],
    ['tile/0/000.p'],
    ['tile/0/../000'],
    ['tile/0/٠٠٠'],
  ])('refuses %j with LEDGER.TILE_PATH', (path) => {
    expect(codeOf(() => parseTilePath(path))).toBe('LEDGER.TILE_PATH');
  });
});

describe('tileWidthAt', () => {
  it('gives the tiles that tlog-tiles lists for a tree of 70,000', () => {
    const width = (level: number, index: number): number => tileWidthAt({ level, index, size: 70_000 });
    expect([width(0, 0), width(0, 272), width(0, 273), width(0, 274)]).toEqual([256, 256, 112, 0]);
    expect([width(1, 0), width(1, 1), width(1, 2)]).toEqual([256, 17, 0]);
    expect([width(2, 0), width(2, 1), width(3, 0)]).toEqual([1, 0, 0]);
    expect([tileWidthAt({ level: 0, index: 0, size: 256 }), tileWidthAt({ level: 1, index: 0, size: 256 })]).toEqual([
      256, 1,
    ]);
  });

  it('agrees with floor(s / 256^l) mod 256 up to 2^53-1', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 63 }), fc.maxSafeNat(), (size, level, seed) => {
        const there = BigInt(size) / 256n ** BigInt(level);
        const index = Number(there / 256n);
        expect(tileWidthAt({ level, index, size })).toBe(Number(there % 256n));
        expect(tileWidthAt({ level, index: index + 1 + (seed % 7), size })).toBe(0);
        if (index > 0) expect(tileWidthAt({ level, index: seed % index, size })).toBe(256);
      }),
    );
  });
});

describe('hashesOfTile', () => {
  it.each([[1], [255], [256]])('reads the %i hashes back', (width) => {
    expect(hashesOfTile(tileBytes(hashes(width)), width)).toEqual(hashes(width));
  });

  it('rejects with LEDGER.TILE_LENGTH when it is truncated, extended or of another width', () => {
    const bytes = tileBytes(hashes(3));
    expect(codeOf(() => hashesOfTile(bytes.subarray(1), 3))).toBe('LEDGER.TILE_LENGTH');
    expect(codeOf(() => hashesOfTile(Uint8Array.of(...bytes, 0), 3))).toBe('LEDGER.TILE_LENGTH');
    expect(codeOf(() => hashesOfTile(bytes, 2))).toBe('LEDGER.TILE_LENGTH');
    expect(codeOf(() => hashesOfTile(bytes, 4))).toBe('LEDGER.TILE_LENGTH');
  });

  it('rejects with LEDGER.TILE_WIDTH what is no width', () => {
    for (const width of [0, 257, -1, 1.5, NaN]) {
      expect(codeOf(() => hashesOfTile(new Uint8Array(0), width))).toBe('LEDGER.TILE_WIDTH');
    }
    expect(codeOf(() => tileBytes([]))).toBe('LEDGER.TILE_WIDTH');
    expect(codeOf(() => tileBytes(hashes(257)))).toBe('LEDGER.TILE_WIDTH');
  });

  it('rejects with LEDGER.HASH_LENGTH a hash that is none', () => {
    expect(codeOf(() => tileBytes([new Uint8Array(31)]))).toBe('LEDGER.HASH_LENGTH');
  });
});

describe('entriesOfBundle', () => {
  const bundles = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 256 });

  it('reads back what the definition writes, and writes the same', () => {
    fc.assert(
      fc.property(bundles, (entries) => {
        const naive = Buffer.concat(
          entries.flatMap((entry) => {
            const length = Buffer.alloc(2);
            length.writeUInt16BE(entry.length);
            return [length, entry];
          }),
        );
        expect(Buffer.from(entryBundleBytes(entries)).equals(naive)).toBe(true);
        expect(entriesOfBundle(new Uint8Array(naive), entries.length)).toEqual(entries);
      }),
    );
  });

  it('refuses it cut at any byte, extended, or of another width', () => {
    const entries = [Uint8Array.of(1, 2), new Uint8Array(0), new Uint8Array(300).fill(7)];
    const bytes = entryBundleBytes(entries);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => entriesOfBundle(bytes.subarray(0, length), 3))).toBe('LEDGER.BUNDLE_TRUNCATED');
    }
    expect(codeOf(() => entriesOfBundle(Uint8Array.of(...bytes, 0), 3))).toBe('LEDGER.BUNDLE_TRAILING');
    expect(codeOf(() => entriesOfBundle(bytes, 2))).toBe('LEDGER.BUNDLE_TRAILING');
    expect(codeOf(() => entriesOfBundle(bytes, 4))).toBe('LEDGER.BUNDLE_TRUNCATED');
    expect(codeOf(() => entriesOfBundle(bytes, 0))).toBe('LEDGER.TILE_WIDTH');
  });

  it('holds entries of 65,535 bytes and no larger ones', () => {
    const entry = new Uint8Array(65_535).fill(255);
    expect(entriesOfBundle(entryBundleBytes([entry]), 1)).toEqual([entry]);
    expect(codeOf(() => entryBundleBytes([new Uint8Array(65_536)]))).toBe('LEDGER.EVENT_TOO_LARGE');
    expect(codeOf(() => entryBundleBytes([]))).toBe('LEDGER.TILE_WIDTH');
  });
});
