import { Injectable } from '@nestjs/common';
import { Log } from '#libs/telemetry';
import { ColdStores } from '../cold/cold-stores.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Retirements, type OrphanedObject } from '../storage/retirements.store.js';
import { tombstoneKey } from './tombstone.js';

/** A run that died may go on with what it put. */
const GRACE_MS = 86_400_000;
/** Whoever has more has one cause of all of them. */
const MOST = 100;

/** Objects among the archived batches that no record names: nobody who ends a retention ever comes by them. */
@Injectable()
export class OrphanedObjects {
  constructor(
    private readonly cold: ColdStores,
    private readonly batches: ArchiveBatches,
    private readonly retirements: Retirements,
    private readonly log: Log,
  ) {}

  /** Looks through the cold store and its copy, and keeps what it found for the report. Rejects with OBJECT_STORE codes. */
  async look(tenant: string, now: Date, signal: AbortSignal): Promise<void> {
    const named = await this.named(tenant);
    const found: OrphanedObject[] = [];
    for (const store of [await this.cold.primary(), await this.cold.copy()]) {
      if (!store) continue;
      for await (const { key, storedAt } of store.list(`tenants/${tenant}/ledger/archive/`, { signal })) {
        if (named.has(key) || storedAt.getTime() > now.getTime() - GRACE_MS || found.length === MOST) continue;
        this.log.warn('audit.cold_orphan', { tenant_id: tenant, object_key: key });
        found.push({ key, storedAt });
      }
    }
    await this.retirements.orphaned(tenant, found);
  }

  /** The objects of a retired batch are named as long as they are on their way out; its tombstone stays. */
  private async named(tenant: string): Promise<ReadonlySet<string>> {
    const going = new Set((await this.retirements.begun(tenant)).map(({ _id }) => _id));
    const keys = new Set<string>();
    for await (const batch of this.batches.between(tenant, 0, Number.MAX_SAFE_INTEGER)) {
      keys.add(tombstoneKey(batch.manifestKey));
      if (batch.state !== 'retired' || going.has(batch._id)) keys.add(batch.jsonlKey).add(batch.manifestKey);
    }
    return keys;
  }
}
