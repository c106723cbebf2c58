import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { entryBundleBytes, LedgerError, parseTilePath, tileBytes, TILE_WIDTH, tileWidthAt } from '#libs/ledger';
import type { TilePath } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { TileEntries } from '../tiers/tile-entries.js';
import { PublishedTrees } from '../tiles/published-trees.js';
import { GetTile } from './get-tile.query.js';

@QueryHandler(GetTile)
export class GetTileHandler implements IQueryHandler<GetTile> {
  constructor(
    private readonly trees: PublishedTrees,
    private readonly entries: TileEntries,
  ) {}

  async execute({ tenant, path }: GetTile): Promise<Uint8Array> {
    const { level, index, width } = namedBy(path);
    const size = await this.trees.size(tenant);
    const most = tileWidthAt({ level: level === 'entries' ? 0 : level, index, size });
    if (width > most) {
      throw new AuditError(
        'AUDIT.TILE_NOT_FOUND',
        `${path} is not covered by the published checkpoint of size ${size}`,
      );
    }
    if (level !== 'entries') return tileBytes(await this.trees.tiles(tenant).tile(level, index, width));
    return entryBundleBytes(await this.entries.bytes(tenant, index * TILE_WIDTH, width));
  }
}

function namedBy(path: string): TilePath {
  try {
    return parseTilePath(path);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new AuditError('AUDIT.TILE_NOT_FOUND', cause.message, { cause });
  }
}
