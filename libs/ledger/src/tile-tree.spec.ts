import fc from 'fast-check';
import {
  consistencyProofFrom,
  EMPTY_ROOT,
  hexOf,
  inclusionProofFrom,
  leafHash,
  rootFrom,
  tileWidthAt,
  verifyConsistency,
  verifyInclusion,
} from './index.js';
import type { HashTiles } from './index.js';
import { utf8 } from './bytes.js';
import * as naive from './naive-tree.fixture.js';
import { codeOf, codeOfAsync } from './thrown-code.fixture.js';

const LEAVES = Array.from({ length: 1400 }, (_, i) => leafHash(utf8(`leaf ${i}`)));
const [SAME, OTHER] = [leafHash(utf8('same')), leafHash(utf8('other'))];
const LARGEST = Number.MAX_SAFE_INTEGER;
const flip = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 31 ? byte ^ 1 : byte));

/** Tiles by their definition; notes what was asked for. */
function tilesOf(leaves: Uint8Array[], asked: string[] = []): HashTiles {
  return {
    tile: (level, index, width) => {
      asked.push(`${level}/${index}/${width}`);
      const span = 256 ** level;
      const start = (i: number): number => (index * 256 + i) * span;
      const hashes = Array.from({ length: width }, (_, i) => naive.mth(leaves.slice(start(i), start(i + 1))));
      return Promise.resolve(hashes);
    },
  };
}

const sparse = (place: number): naive.SparseTree => new naive.SparseTree(SAME, BigInt(place), OTHER);
const sparseTiles = (tree: naive.SparseTree): HashTiles => ({
  tile: (level, index, width) => Promise.resolve(tree.tile(level, index, width)),
});

describe('roots and proofs from tiles', () => {
  it('are those of the recursive definitions', async () => {
    const sizes = fc.oneof(fc.integer({ min: 1, max: 1400 }), fc.constantFrom(1, 255, 256, 257, 511, 512, 513, 1024));
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, a, b) => {
        const leaves = LEAVES.slice(0, size);
        const asked: string[] = [];
        const tiles = tilesOf(leaves, asked);
        const [index, from] = [a % size, b % (size + 1)];
        expect(hexOf(await rootFrom(tiles, size))).toBe(hexOf(naive.mth(leaves)));
        const inclusion = await inclusionProofFrom(tiles, { index, size });
        expect(inclusion.map(hexOf)).toEqual(naive.path(index, leaves).map(hexOf));
        const growth = await consistencyProofFrom(tiles, { from, to: size });
        expect(growth.map(hexOf)).toEqual(naive.proof(from, leaves).map(hexOf));
        for (const name of asked) {
          const [level, at, width] = name.split('/').map(Number) as [number, number, number];
          expect(width).toBe(tileWidthAt({ level, index: at, size }));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('of nothing are the empty root and no hashes', async () => {
    expect(await rootFrom(tilesOf([]), 0)).toEqual(EMPTY_ROOT);
    expect(await consistencyProofFrom(tilesOf([]), { from: 0, to: 0 })).toEqual([]);
    expect(await codeOfAsync(inclusionProofFrom(tilesOf([]), { index: 0, size: 0 }))).toBe('LEDGER.INDEX_OUT_OF_RANGE');
  });

  it('ask for each tile once', async () => {
    const asked: string[] = [];
    await inclusionProofFrom(tilesOf(LEAVES, asked), { index: 700, size: 1400 });
    expect(asked).toHaveLength(new Set(asked).size);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('reject with LEDGER.TILE_LENGTH a tile that is too short or too long', async () => {
    const tiles = tilesOf(LEAVES);
    for (const change of [-1, 1]) {
      const wrong: HashTiles = {
        tile: async (level, index, width) =>
          level === 1 ? [...(await tiles.tile(level, index, width)), OTHER].slice(0, width + change) : [],
      };
      expect(await codeOfAsync(rootFrom(wrong, 1024))).toBe('LEDGER.TILE_LENGTH');
    }
  });

  it('show one bit changed in any hash of any tile', async () => {
    const size = 520;
    const leaves = LEAVES.slice(0, size);
    const root = naive.mth(leaves);
    for (const [level, index, place] of [
      [0, 0, 3],
      [0, 2, 7],
      [1, 0, 1],
    ] as const) {
      const tiles = tilesOf(leaves);
      const changed: HashTiles = {
        tile: async (...name) => {
          const hashes = await tiles.tile(...name);
          return name[0] === level && name[1] === index ? hashes.map((h, i) => (i === place ? flip(h) : h)) : hashes;
        },
      };
      const entry = level === 0 ? index * 256 + 5 : 0;
      const proof = await inclusionProofFrom(changed, { index: entry, size });
      const claim = { leafHash: leaves[entry] as Uint8Array, index: entry, size, proof, root };
      expect(codeOf(() => verifyInclusion(claim))).toBe('LEDGER.ROOT_MISMATCH');
    }
  });
});

describe('sizes up to 2^53-1', () => {
  const places = fc.oneof(
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 60 }).map((back) => LARGEST - back),
  );

  it('have proofs that verify, and that are refused for another leaf, index, root or hash', async () => {
    await fc.assert(
      fc.asyncProperty(places, places, async (a, b) => {
        const size = Math.max(a, b, 1);
        const index = Math.min(a, b, size - 1);
        const tree = sparse(index);
        const root = tree.mth(0n, BigInt(size));
        expect(hexOf(await rootFrom(sparseTiles(tree), size))).toBe(hexOf(root));
        const proof = await inclusionProofFrom(sparseTiles(tree), { index, size });
        const claim = { leafHash: OTHER, index, size, proof, root };
        verifyInclusion(claim);
        expect(codeOf(() => verifyInclusion({ ...claim, leafHash: SAME }))).toBe('LEDGER.ROOT_MISMATCH');
        const beside = index % 2 === 0 ? index + 1 : index - 1;
        if (beside < size) {
          expect(codeOf(() => verifyInclusion({ ...claim, index: beside }))).toMatch(/ROOT_MISMATCH|PROOF_LENGTH/);
        }
        expect(codeOf(() => verifyInclusion({ ...claim, proof: [...proof, SAME] }))).toBe('LEDGER.PROOF_LENGTH');
        for (const [i, hash] of proof.entries()) {
          expect(codeOf(() => verifyInclusion({ ...claim, proof: proof.with(i, flip(hash)) }))).toBe(
            'LEDGER.ROOT_MISMATCH',
          );
        }
      }),
      { numRuns: 25 },
    );
  });

  it('have consistency proofs that verify, and that are refused changed', async () => {
    await fc.assert(
      fc.asyncProperty(places, places, async (a, b) => {
        const to = Math.max(a, b, 2);
        const from = Math.max(1, Math.min(a, b, to - 1));
        const tree = sparse(from - 1);
        const [fromRoot, toRoot] = [tree.mth(0n, BigInt(from)), tree.mth(0n, BigInt(to))];
        const proof = await consistencyProofFrom(sparseTiles(tree), { from, to });
        const claim = { from, to, fromRoot, toRoot, proof };
        verifyConsistency(claim);
        for (const [i, hash] of proof.entries()) {
          expect(codeOf(() => verifyConsistency({ ...claim, proof: proof.with(i, flip(hash)) }))).toMatch(
            /ROOT_MISMATCH$/,
          );
        }
        expect(codeOf(() => verifyConsistency({ ...claim, proof: proof.slice(1) }))).toBe('LEDGER.PROOF_LENGTH');
      }),
      { numRuns: 25 },
    );
  });

  it('end there', async () => {
    const claim = { leafHash: SAME, index: 0, proof: [], root: SAME };
    expect(codeOf(() => verifyInclusion({ ...claim, size: 2 ** 53 }))).toBe('LEDGER.SIZE_OUT_OF_RANGE');
    const growth = { from: 1, to: 2 ** 53, fromRoot: SAME, toRoot: SAME, proof: [] };
    expect(codeOf(() => verifyConsistency(growth))).toBe('LEDGER.SIZE_OUT_OF_RANGE');
    expect(await codeOfAsync(rootFrom(sparseTiles(sparse(0)), 2 ** 53))).toBe('LEDGER.SIZE_OUT_OF_RANGE');
  });
});
