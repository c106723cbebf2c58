import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import type { Actor } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { RecordFact } from '../commands/record-fact.command.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { hourlyId } from '../domain/coalesced.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { KeyStatements } from '../storage/key-statements.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { ArchiveObjects } from './archive-objects.js';
import { NewestArchivedIds } from './newest-archived-ids.js';

const ARCHIVER: Actor = { type: 'system', id: 'archive' };

/** Step 6 of docs/design/archive.md §7: takes the entries of a recorded batch out of hot storage, however far it was. */
@Injectable()
export class BatchLeaving {
  constructor(
    private readonly batches: ArchiveBatches,
    private readonly entries: LedgerEntries,
    private readonly statements: KeyStatements,
    private readonly objects: ArchiveObjects,
    private readonly archivedIds: NewestArchivedIds,
    private readonly keys: AuditKeys,
    private readonly commands: CommandBus,
  ) {}

  /**
   * Resolves when the batch is done. Unless it was `checked` just now, its objects are read back once more before an
   * entry goes: AUDIT.ARCHIVE_UNPROVEN, and what is hot stays, when they are not as they were put. If all of it is hot, the
   * record is withdrawn then, and the next run makes the batch anew. AUDIT.ARCHIVE_ALTERED when the record is gone.
   */
  async finish(batch: ArchiveBatch, signal: AbortSignal, { checked }: { checked: boolean }): Promise<void> {
    const { _id, tenant, startSeq, endSeq, manifestSha256, sha256 } = batch;
    if (!checked) await this.check(batch, signal);
    this.archivedIds.forget(tenant);
    const range = { start_seq: startSeq, end_seq: endSeq };
    await this.say('archive.recorded', batch, { ...range, manifest_sha256: manifestSha256, lines_sha256: sha256 });
    await this.statements.keep(tenant, startSeq, endSeq);
    // If the process dies here, the ledger says it, within the hour once, and the next run goes on.
    const found = (await this.batches.setState(_id, ['recorded'], 'deleting')) || (await this.batches.get(tenant, _id));
    if (!found) throw new AuditError('AUDIT.ARCHIVE_ALTERED', `the record of batch ${_id} of ${tenant} is gone`);
    // If the process dies here or below, some of the entries are still hot: they are the same as the archived ones.
    await this.entries.remove(tenant, startSeq, endSeq, signal);
    await this.say('archive.deleted', batch, range);
    await this.batches.setState(_id, ['recorded', 'deleting'], 'done');
    // If the process dies here, nothing is left to do.
  }

  private async check(batch: ArchiveBatch, signal: AbortSignal): Promise<void> {
    try {
      await this.objects.check(batch, await this.keys.archiveRing(), signal);
    } catch (error) {
      if (batch.state === 'recorded' && hasCode(error, 'AUDIT.ARCHIVE_UNPROVEN'))
        await this.batches.withdraw(batch._id);
      throw error;
    }
  }

  private async say(
    kind: 'archive.recorded' | 'archive.deleted',
    { _id, tenant }: ArchiveBatch,
    data: Record<string, string | number>,
  ): Promise<void> {
    const id = hourlyId(Date.now(), kind, _id);
    const draft = { id, kind, scope: { tenant }, actor: ARCHIVER, refs: { batch_id: _id }, data };
    await this.commands.execute(new RecordFact(draft, { once: true }));
  }
}
