import { Query } from '@nestjs/cqrs';

/**
 * The bytes of a tile or of a bundle of entries, by its C2SP tlog-tiles path below the log's address
 * (`tile/0/x001/067.p/8`). Fails with AUDIT.TILE_NOT_FOUND for a path that names none, or none that the published
 * checkpoint covers, and with AUDIT.TILE_MISSING or AUDIT.ENTRY_CONTRADICTED where the store lacks what it covers.
 */
export class GetTile extends Query<Uint8Array> {
  constructor(
    readonly tenant: string,
    readonly path: string,
  ) {
    super();
  }
}
