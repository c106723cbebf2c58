import { inclusionProofFrom, LedgerError, TILE_WIDTH, verifyInclusion, type HashTiles } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';

interface ProvenTile {
  level: number;
  index: number;
  size: number;
  root: Uint8Array;
}

/**
 * The hashes of a full tile, proven to be of the tree of this size and root: the proof of the first leaf below it is
 * made of all its hashes but the first, that of the last leaf of all but the last. Rejects with AUDIT.PROOF_CONTRADICTED
 * when the tiles do not lead to the root, and with what reading them rejects with.
 */
export async function provenTile(
  tiles: HashTiles,
  { level, index, size, root }: ProvenTile,
): Promise<readonly Uint8Array[]> {
  const read = new ReadOnce(tiles);
  const leaves = TILE_WIDTH ** (level + 1);
  try {
    for (const leaf of [index * leaves, (index + 1) * leaves - 1]) {
      const proof = await inclusionProofFrom(read, { index: leaf, size });
      const below = await read.tile(0, Math.floor(leaf / TILE_WIDTH), TILE_WIDTH);
      verifyInclusion({ leafHash: below[leaf % TILE_WIDTH]!, index: leaf, size, proof, root });
    }
    return await read.tile(level, index, TILE_WIDTH);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const message = `tile ${level}/${index} does not lead to the signed root of size ${size}`;
    throw new AuditError('AUDIT.PROOF_CONTRADICTED', message, { cause });
  }
}

/** What is proven and what is put must come from one reading. */
class ReadOnce implements HashTiles {
  private readonly asked = new Map<string, Promise<readonly Uint8Array[]>>();

  constructor(private readonly tiles: HashTiles) {}

  async tile(level: number, index: number, width: number): Promise<readonly Uint8Array[]> {
    const name = `${level}/${index}/${width}`;
    const found = this.asked.get(name) ?? this.tiles.tile(level, index, width);
    this.asked.set(name, found);
    return found;
  }
}
