import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Leases, type Lease } from '#libs/mongo';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import type { ArchiveBatch } from '../domain/archive-batch.js';
import { leaseOwner } from '../lease-owner.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { ColdCopier } from './cold-copier.js';
import { ColdStores } from './cold-stores.js';

/** How often it is looked for what is not copied yet, and how long at most after failures, in milliseconds. */
const LOOK_MS = 5_000;
const LONGEST_MS = 300_000;
const STATEMENTS_MS = 600_000;
const LEASE_MS = 60_000;

/** Faults of one batch, which keep no other from being copied; they do not mend themselves. */
const OF_ONE_BATCH: readonly string[] = ['OBJECT_STORE.CORRUPT', 'OBJECT_STORE.NOT_FOUND', 'AUDIT.COLD_COPY_OCCUPIED'];

/**
 * Keeps the second cold store in step, in the role `ledger`. The lease lets one process do it; two would copy the same.
 * Nothing waits for this.
 */
@Injectable()
export class ColdCopyTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private lease: Lease | null = null;
  /** By this process's clock. */
  private statementsDueAt = 0;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly cold: ColdStores,
    private readonly copier: ColdCopier,
    private readonly batches: ArchiveBatches,
    private readonly ledgers: Ledgers,
    private readonly leases: Leases,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger') && this.cold.hasCopy) this.running = this.loop();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
    if (this.lease) await this.leases.release(this.lease).catch(() => undefined); // it ends by itself
  }

  /** Everything that is not copied yet, once. Resolves with how many failed; rejects when a store does not answer. */
  async turn(): Promise<number> {
    let failed = 0;
    const statements = Date.now() >= this.statementsDueAt;
    for (const { _id: tenant } of await this.ledgers.all()) {
      for await (const batch of this.batches.notCopied(tenant)) {
        if (this.stopping.signal.aborted || !(await this.holdsLease())) return failed;
        if (!(await this.copied(batch))) failed += 1;
      }
      if (!statements) continue;
      if (this.stopping.signal.aborted || !(await this.holdsLease())) return failed;
      await this.copier.copyStatements(tenant, this.stopping.signal);
    }
    if (statements) this.statementsDueAt = Date.now() + STATEMENTS_MS;
    return failed;
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        failures = (await this.turn()) > 0 ? failures + 1 : 0;
      } catch (error) {
        failures += 1;
        if (!signal.aborted) this.log.warn('audit.cold_copy_failed', { error_code: codeOf(error), attempts: failures });
      }
      const wait = Math.min(LONGEST_MS, LOOK_MS * 2 ** Math.min(failures, 16));
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  private async copied(batch: ArchiveBatch): Promise<boolean> {
    try {
      await this.copier.copyBatch(batch, this.stopping.signal);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (!OF_ONE_BATCH.includes(code)) throw error;
      const fields = { tenant_id: batch.tenant, resource: `archive_batch:${batch._id}` };
      this.log.error('audit.cold_copy_failed', { ...fields, error_code: code });
      return false;
    }
  }

  private async holdsLease(): Promise<boolean> {
    if (this.lease && !(await this.leases.renew(this.lease))) this.lease = null;
    this.lease ??= await this.leases.acquire('ledger-cold-copy', leaseOwner(this.settings.dataDir), LEASE_MS);
    return this.lease !== null;
  }
}
