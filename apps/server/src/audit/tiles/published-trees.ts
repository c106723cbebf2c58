import { Injectable } from '@nestjs/common';
import { parseCheckpoint, parseNote } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { signedNoteOf, type StoredCheckpoint } from '../domain/stored-checkpoint.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { Tiles } from '../storage/tiles.store.js';
import { LedgerHashTiles } from './ledger-hash-tiles.js';

/** A tree that a signed checkpoint was published of: its full tiles are stored. */
export interface PublishedTree {
  size: number;
  /** As the note says, not as a column does. */
  root: Uint8Array;
  /** With every signature and cosignature there is. */
  note: string;
  tiles: LedgerHashTiles;
}

/** The trees that may be served and proved against: not one that is signed and not published yet. */
@Injectable()
export class PublishedTrees {
  constructor(
    private readonly checkpoints: Checkpoints,
    private readonly stored: Tiles,
    private readonly entries: TileEntries,
  ) {}

  /** Rejects with AUDIT.CHECKPOINT_NOT_FOUND while nothing is published. */
  async newest(tenant: string): Promise<PublishedTree> {
    const found = await this.checkpoints.published(tenant);
    if (!found) throw new AuditError('AUDIT.CHECKPOINT_NOT_FOUND', `nothing of ${tenant} is published yet`);
    return this.treeOf(tenant, found);
  }

  /** Rejects with AUDIT.CHECKPOINT_NOT_FOUND where no checkpoint of this size is published (or kept). */
  async at(tenant: string, size: number): Promise<PublishedTree> {
    const found = await this.checkpoints.at(tenant, size);
    if (!found) throw new AuditError('AUDIT.CHECKPOINT_NOT_FOUND', `there is no checkpoint of size ${size}`);
    return this.treeOf(tenant, found);
  }

  /** How many entries may be shown; 0 while nothing is published. */
  async size(tenant: string): Promise<number> {
    return this.checkpoints.publishedSize(tenant);
  }

  tiles(tenant: string): LedgerHashTiles {
    return new LedgerHashTiles(tenant, this.stored, this.entries);
  }

  private treeOf(tenant: string, checkpoint: StoredCheckpoint): PublishedTree {
    const note = signedNoteOf(checkpoint);
    const { size, root } = parseCheckpoint(parseNote(note).text);
    return { size, root, note, tiles: this.tiles(tenant) };
  }
}
