import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import { BatchRestoring } from '../tiers/batch-restoring.js';
import { AuditError } from '../audit.errors.js';
import { refsOf, type Requester } from '../audit.types.js';
import { ColdStores } from '../cold/cold-stores.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';
import { assertOperator } from '../operator.js';
import { ArchiveBatches } from '../storage/archive-batches.store.js';
import { Restorations, type Restoration } from '../storage/restorations.store.js';
import { ArchiveVerification } from '../verification/archive-verification.js';
import { objectionTo } from '../verification/batch-objection.js';
import { VerificationLine } from '../verification/verification-line.js';
import { RecordFact } from './record-fact.command.js';
import { RestoreArchive, type RestoredArchive } from './restore-archive.command.js';

const DAY_MS = 86_400_000;

@CommandHandler(RestoreArchive)
export class RestoreArchiveHandler implements ICommandHandler<RestoreArchive> {
  constructor(
    private readonly batches: ArchiveBatches,
    private readonly cold: ColdStores,
    private readonly verification: ArchiveVerification,
    private readonly line: VerificationLine,
    private readonly restorations: Restorations,
    private readonly restoring: BatchRestoring,
    private readonly commands: CommandBus,
  ) {}

  async execute(order: RestoreArchive): Promise<RestoredArchive> {
    const { tenant, id, days, requester } = order;
    assertOperator(requester);
    const batch = await this.batches.get(tenant, id);
    if (!batch) throw new AuditError('AUDIT.ARCHIVE_NOT_FOUND', `${tenant} has no archived batch ${id.slice(0, 64)}`);
    if (batch.state === 'retired') throw retired(batch);
    const until = new Date(Date.now() + days * DAY_MS);
    const there = await this.restorations.collection.findOne({ _id: id });
    if (there?.state === 'restored' && there.until >= until) return answer(batch, there.until);
    const restoration = there?.state === 'restored' ? there : await this.copied(batch, until);
    await this.record(batch, until, requester);
    // If the process dies here, the event says what was ordered, and the copies are used once it is ordered again.
    const lasts = await this.restorations.complete(restoration, until);
    // Without: it was removed in between, as its time or that of the batch was over.
    return lasts ? answer(batch, lasts) : this.execute(order);
  }

  /** If the process dies within, nobody uses the copies that are there; ordered again, the others follow. */
  private async copied(batch: ArchiveBatch, until: Date): Promise<Restoration> {
    await this.assertVerified(batch);
    const restoration = await this.restorations.begin(batch, uuidv7(), until);
    await this.restoring.copy(batch, restoration.restoration);
    return restoration;
  }

  /** Where the cold store's does not verify and the copy's does, `cold` reads the copy's, and says so in the log. */
  private async assertVerified(batch: ArchiveBatch): Promise<void> {
    const { tenant, startSeq, endSeq } = batch;
    const objection = await this.objection(batch, { copy: false });
    if (objection === undefined) return;
    if (this.cold.hasCopy && (await this.objection(batch, { copy: true })) === undefined) return;
    const message = `the batch of entries ${startSeq} to ${endSeq} of ${tenant} does not verify: ${objection}`;
    throw new AuditError('AUDIT.ARCHIVE_ALTERED', message);
  }

  private async objection(batch: ArchiveBatch, { copy }: { copy: boolean }): Promise<string | undefined> {
    const { tenant, _id } = batch;
    const report = await this.line.inTurn(tenant, (signal) => this.verification.verify(tenant, _id, { copy, signal }));
    return objectionTo(batch, report);
  }

  private async record(
    { tenant, _id, startSeq, endSeq }: ArchiveBatch,
    until: Date,
    requester: Requester,
  ): Promise<void> {
    const { actor } = requester;
    const refs = { batch_id: _id, ...refsOf(requester) };
    const data = { start_seq: startSeq, end_seq: endSeq, until: until.toISOString() };
    await this.commands.execute(new RecordFact({ kind: 'archive.restored', scope: { tenant }, actor, refs, data }));
  }
}

const retired = ({ startSeq, endSeq, tenant }: ArchiveBatch): AuditError =>
  new AuditError('AUDIT.ARCHIVE_RETIRED', `the retention of entries ${startSeq} to ${endSeq} of ${tenant} is over`);

const answer = ({ _id, startSeq, endSeq, eventCount }: ArchiveBatch, until: Date): RestoredArchive => ({
  ...{ id: _id, startSeq, endSeq, eventCount },
  until: until.toISOString(),
});
