import { Injectable } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import type { ObjectStore } from '#libs/object-store';
import { Log } from '#libs/telemetry';
import { ColdStores } from '../cold/cold-stores.js';
import { casesOf, holdsSpan } from '../domain/legal-hold.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import type { HoldTerms, LegalHold } from '../domain/legal-hold.types.js';
import { Holds } from './holds.js';

/** Of the batches a hold lies on: how many there are, and how many say so in the cold store. */
export interface HeldBatches {
  covered: number;
  held: number;
}

/**
 * Puts on archived objects what the cases ask, and takes off what no case asks any more. The batch record is what was
 * done; what is wanted is computed anew each time, so it may be done twice, by two processes, and after a crash.
 */
@Injectable()
export class HoldKeeping {
  constructor(
    private readonly holds: Holds,
    private readonly batches: ArchiveBatches,
    private readonly cold: ColdStores,
    private readonly log: Log,
  ) {}

  /** Every batch of the tenant; one that fails keeps no other from it. Resolves with how many failed. */
  async settle(tenant: string, signal?: AbortSignal): Promise<number> {
    const active = await this.holds.active(tenant);
    let failed = 0;
    for await (const batch of this.batches.between(tenant, 0, Number.MAX_SAFE_INTEGER)) {
      if (signal?.aborted) return failed;
      await this.settled(batch, active).catch((error: unknown) => {
        failed += 1;
        const fields = { tenant_id: tenant, error_code: codeOf(error), object_key: batch.manifestKey };
        this.log.warn('audit.hold_waits', fields);
      });
    }
    return failed;
  }

  /** What somebody lifted in the cold store is put on again, and told. Of a tenant; costs a look at each held object. */
  async putBack(tenant: string, signal?: AbortSignal): Promise<void> {
    const store = await this.cold.primary();
    if (!store.retention) return;
    for await (const batch of this.batches.between(tenant, 0, Number.MAX_SAFE_INTEGER)) {
      if (signal?.aborted) return;
      if (batch.state === 'retired' || !batch.holds?.length) continue;
      await this.heldAgain(batch, store, signal).catch((error: unknown) => {
        const fields = { tenant_id: tenant, error_code: codeOf(error), object_key: batch.manifestKey };
        this.log.warn('audit.hold_waits', fields);
      });
    }
  }

  async batchesOf({ tenant, since, until, case_id }: LegalHold): Promise<HeldBatches> {
    const covered = (await this.batches.inWindow(tenant, since, until)).filter(({ state }) => state !== 'retired');
    return { covered: covered.length, held: covered.filter(({ holds = [] }) => holds.includes(case_id)).length };
  }

  private async settled(given: ArchiveBatch, active: readonly HoldTerms[]): Promise<void> {
    const { tenant, _id } = given;
    let [batch, cases]: [ArchiveBatch | null, string[]] = [given, casesOn(given, active)];
    while (batch && batch.state !== 'retired' && !saysSo(batch, cases)) {
      // Read again right before something is changed: another process may have placed or released one meanwhile.
      cases = casesOn(given, await this.holds.active(tenant));
      await this.cold.hold(batch, cases.length > 0);
      // If the process dies here, the record says what it said: it is done again.
      if (await this.batches.setHolds(_id, batch.holds ?? [], cases)) return;
      batch = await this.batches.get(tenant, _id);
    }
  }

  private async heldAgain(batch: ArchiveBatch, store: ObjectStore, signal: AbortSignal | undefined): Promise<void> {
    const { tenant, jsonlKey, manifestKey, versionIds } = batch;
    const [jsonl, manifest] = await Promise.all([
      store.head(jsonlKey, { version: versionIds.jsonl, signal }),
      store.head(manifestKey, { version: versionIds.manifest, signal }),
    ]);
    if (jsonl.legalHold && manifest.legalHold) return;
    if (!(await this.isAsked(batch))) return; // released: it is right that it was lifted
    this.log.error('audit.hold_lifted', { tenant_id: tenant, object_key: manifestKey });
    // What is released or placed while this is done may be undone by it: then it is done the other way.
    for (let held = true, asked; ; held = asked) {
      await this.cold.hold(batch, held);
      asked = await this.isAsked(batch);
      if (asked === held) return;
    }
  }

  private async isAsked(batch: ArchiveBatch): Promise<boolean> {
    return casesOn(batch, await this.holds.active(batch.tenant)).length > 0;
  }
}

const casesOn = (batch: ArchiveBatch, holds: readonly HoldTerms[]): string[] =>
  casesOf(holds.filter((hold) => holdsSpan(hold, batch)));

const saysSo = ({ holds = [] }: ArchiveBatch, cases: readonly string[]): boolean =>
  [...holds].sort().join('\n') === cases.join('\n');
