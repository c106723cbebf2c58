import { equalBytes, TILE_WIDTH, tileBytes, type VerifierKey } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { Evidence } from '../storage/anchors.store.js';
import { provenTile } from '../tiles/proven-tile.js';
import { anchorMismatch, UnequalObject, type AnchorStore } from './anchor-store.js';
import type { AnchorTarget, PublishedCheckpoint } from './anchor-target.js';
import { signedCheckpoint } from './anchored-note.js';

/** Copies checkpoints and full leaf tiles into another object store. */
export class ObjectStoreAnchor implements AnchorTarget {
  readonly kind = 'object_store';
  /** By origin: the size up to which every full tile is known to be there. */
  private readonly covered = new Map<string, number>();

  constructor(
    private readonly store: AnchorStore,
    private readonly keysOf: (tenant: string, origin: string) => Promise<readonly VerifierKey[]>,
  ) {}

  get name(): string {
    return this.store.name;
  }

  async anchor(published: PublishedCheckpoint, signal: AbortSignal): Promise<Evidence> {
    const { origin, size, note } = published.checkpoint;
    await this.putTiles(published, signal);
    // If the process dies here, tiles are anchored that no anchored checkpoint covers: the next attempt finds them.
    const key = this.store.checkpointKey(origin, size);
    const stored = await this.store.putOnce(key, Buffer.from(note), signal).catch(async (error: unknown) => {
      throw error instanceof UnequalObject ? await this.judged(error, published) : error;
    });
    this.covered.set(origin, size);
    return {
      time: Math.floor(stored.storedAt.getTime() / 1000),
      ...(stored.version !== undefined && { version: stored.version }),
      ...(stored.retainUntil && { retain_until: stored.retainUntil }),
    };
  }

  private async putTiles({ checkpoint, tiles }: PublishedCheckpoint, signal: AbortSignal): Promise<void> {
    const { origin, size, root } = checkpoint;
    const full = Math.floor(size / TILE_WIDTH);
    for (let index = Math.floor((await this.coveredSize(origin, size)) / TILE_WIDTH); index < full; index++) {
      const key = this.store.tileKey(origin, index);
      const hashes = await provenTile(tiles, { level: 0, index, size, root });
      await this.store.putOnce(key, tileBytes(hashes), signal).catch((error: unknown) => {
        throw error instanceof UnequalObject ? anchorMismatch(key) : error;
      });
    }
  }

  /** A checkpoint is put after the tiles it covers, so the newest one in the store tells how far they go. */
  private async coveredSize(origin: string, below: number): Promise<number> {
    const known = this.covered.get(origin);
    if (known !== undefined) return known;
    let newest = 0;
    for await (const { size } of this.store.checkpoints(origin)) if (size <= below) newest = size;
    return newest;
  }

  /** Another note of the same size: ours, then the ledger is not what was signed; or none, then the store was altered. */
  private async judged({ key, found }: UnequalObject, { checkpoint }: PublishedCheckpoint): Promise<AuditError> {
    const { tenant, origin, size, root } = checkpoint;
    const note = found && Buffer.from(found).toString('utf8');
    const other = note && signedCheckpoint(note, { origin, size }, await this.keysOf(tenant, origin));
    if (!other || equalBytes(other.checkpoint.root, root)) return anchorMismatch(key);
    return new AuditError('AUDIT.ANCHOR_CONTRADICTED', `another tree of size ${size} is anchored under our signature`);
  }
}
