import { inclusionProofFrom, LedgerError, TILE_WIDTH, tileBytes, verifyInclusion, type HashTiles } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';

/**
 * The bytes of a full tile of level 0, proven to be of the tree of this size and root: the lowest hashes of the proof
 * of its first leaf are made of all its others. Rejects with AUDIT.PROOF_CONTRADICTED when the stored tiles do not lead to the
 * root, and with what reading them rejects with.
 */
export async function provenTile(
  tiles: HashTiles,
  { index, size, root }: { index: number; size: number; root: Uint8Array },
): Promise<Uint8Array> {
  const read = new ReadOnce(tiles);
  const leaf = index * TILE_WIDTH;
  try {
    const proof = await inclusionProofFrom(read, { index: leaf, size });
    const hashes = await read.tile(0, index, TILE_WIDTH);
    verifyInclusion({ leafHash: hashes[0]!, index: leaf, size, proof, root });
    return tileBytes(hashes);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const message = `tile ${index} does not lead to the signed root of size ${size}`;
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
