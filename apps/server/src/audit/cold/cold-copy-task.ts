import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { KeptLease, Leases } from '#libs/mongo';
import { Log, type LogFields } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { leaseOwner } from '../lease-owner.js';
import { Rounds } from '../rounds.js';
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
/** Beside the batches others may have put what nobody here can read. */
const OF_ONE_STATEMENT: readonly string[] = [...OF_ONE_BATCH, 'OBJECT_STORE.DENIED', 'OBJECT_STORE.REFUSED'];

/**
 * Keeps the second cold store in step, in the role `ledger`. The lease lets one process do it; two would copy the same.
 * Nothing waits for this.
 */
@Injectable()
export class ColdCopyTask implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rounds: Rounds;
  private readonly lease: KeptLease;
  /** Rounds in a row that did not copy everything. */
  private failures = 0;
  /** By this process's clock. */
  private statementsDueAt = 0;

  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'roles' | 'dataDir'>,
    private readonly cold: ColdStores,
    private readonly copier: ColdCopier,
    private readonly batches: ArchiveBatches,
    private readonly ledgers: Ledgers,
    leases: Leases,
    private readonly log: Log,
  ) {
    this.lease = new KeptLease(leases, 'ledger-cold-copy', leaseOwner(settings.dataDir), LEASE_MS);
    this.rounds = new Rounds(
      () => this.round(),
      (error) => this.failed(error),
      () => Math.min(LONGEST_MS, LOOK_MS * 2 ** Math.min(this.failures, 16)),
    );
  }

  onApplicationBootstrap(): void {
    if (this.settings.roles.includes('ledger') && this.cold.hasCopy) this.rounds.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
    await this.lease.release();
  }

  /** Everything that is not copied yet, once. Resolves with how many failed; rejects when a store does not answer. */
  async turn(): Promise<number> {
    let failed = 0;
    const statements = Date.now() >= this.statementsDueAt;
    const { signal } = this.rounds;
    for (const { _id: tenant } of await this.ledgers.all()) {
      for await (const batch of this.batches.notCopied(tenant)) {
        if (signal.aborted || !(await this.lease.hold())) return failed;
        const fields = { tenant_id: tenant, resource: `archive_batch:${batch._id}` };
        if (!(await this.copied(this.copier.copyBatch(batch, signal), OF_ONE_BATCH, fields))) failed += 1;
      }
      if (!statements) continue;
      for await (const key of this.copier.statements(tenant, signal)) {
        if (signal.aborted || !(await this.lease.hold())) return failed;
        const fields = { tenant_id: tenant, object_key: key };
        if (!(await this.copied(this.copier.copyStatement(key, signal), OF_ONE_STATEMENT, fields))) failed += 1;
      }
    }
    if (statements) this.statementsDueAt = Date.now() + STATEMENTS_MS;
    return failed;
  }

  private async round(): Promise<void> {
    this.failures = (await this.turn()) > 0 ? this.failures + 1 : 0;
  }

  private failed(error: unknown): void {
    this.failures += 1;
    if (this.rounds.signal.aborted) return;
    this.log.warn('audit.cold_copy_failed', { error_code: codeOf(error), attempts: this.failures });
  }

  private async copied(copying: Promise<void>, ofOne: readonly string[], fields: LogFields): Promise<boolean> {
    try {
      await copying;
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (!ofOne.includes(code)) throw error;
      this.log.error('audit.cold_copy_failed', { ...fields, error_code: code });
      return false;
    }
  }
}
