import { Injectable } from '@nestjs/common';
import { ArchiveBatches } from '../storage/archive-batches.store.js';

/** How long another process's batch may go unseen here. What it holds is older than any event that is taken as new. */
const KNOWN_MS = 60_000;

/** The largest id among the archived events of each ledger: at or below it, only a look tells whether an event is new. */
@Injectable()
export class NewestArchivedIds {
  private readonly known = new Map<string, { id: string | undefined; readAt: number }>();

  constructor(private readonly batches: ArchiveBatches) {}

  /** At most a minute old; undefined while nothing is archived. */
  async of(tenant: string): Promise<string | undefined> {
    const known = this.known.get(tenant);
    if (known && performance.now() - known.readAt < KNOWN_MS) return known.id;
    const id = await this.batches.newestEventId(tenant);
    this.known.set(tenant, { id, readAt: performance.now() });
    return id;
  }

  /** A batch was recorded here. */
  forget(tenant: string): void {
    this.known.delete(tenant);
  }
}
