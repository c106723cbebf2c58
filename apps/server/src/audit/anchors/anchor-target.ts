import type { HashTiles } from '#libs/ledger';
import type { StoredCheckpoint } from '../domain/stored-checkpoint.js';
import type { AnchorKind, Evidence } from '../storage/anchors.store.js';

/** A published checkpoint and the tree it is of. */
export interface PublishedCheckpoint {
  checkpoint: Pick<StoredCheckpoint, 'tenant' | 'origin' | 'size' | 'root' | 'note'>;
  tiles: HashTiles;
}

/** Someone else, who keeps or signs what a checkpoint says. */
export interface AnchorTarget {
  readonly kind: AnchorKind;
  readonly name: string;
  /**
   * Resolves with what proves that the other side has the checkpoint; it has been checked. May be called again, also
   * for a size that is anchored. Rejects with an AUDIT. or OBJECT_STORE. code; only ANCHOR_CONTRADICTED and
   * WITNESS_CONTRADICTED say something about the ledger.
   */
  anchor(published: PublishedCheckpoint, signal: AbortSignal): Promise<Evidence>;
}
