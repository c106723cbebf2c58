import { CommandBus, CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import { Outboxes } from '#libs/mongo';
import { RecordFact, SealEvents, type Requester } from '../../audit/index.js';
import { annotate } from '../../http/request-context.js';
import { GetJob, SettleJob, type JobView } from '../../jobs/index.js';
import { FileArchive } from '../file-archive.js';
import { namesIn, promotionEvent, promotionId, targetsOf } from '../domain/promotion.js';
import { PromoteError } from '../promote.errors.js';
import type { Promotion, TargetName } from '../promote.types.js';
import { PROMOTIONS, PromotionStore } from '../storage/promotion.store.js';
import { PromoteJob, type Promoted } from './promote-job.command.js';
import { PutTarget } from './put-target.command.js';

@CommandHandler(PromoteJob)
export class PromoteJobHandler implements ICommandHandler<PromoteJob> {
  constructor(
    private readonly archive: FileArchive,
    private readonly promotions: PromotionStore,
    private readonly outboxes: Outboxes,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  async execute({ requester, jobId, targets }: PromoteJob): Promise<Promoted> {
    const job = await this.readyJob(requester, jobId);
    this.archive.assertConfigured();
    await this.commands.execute(new SettleJob(job.id));
    const wanted = wantedOf(job, targets);
    annotate({ target_count: namesIn(wanted).length });
    const before = await this.promotions.find(job.tenant, job.id);
    const open = namesIn(wanted).filter((name) => before?.targets[name]?.state !== 'success');
    if (before && open.length === 0) {
      const data = { targets: namesIn(wanted) };
      await this.commands.execute(new RecordFact(promotionEvent('promote.idempotent_hit', before, requester, data)));
      return { promotion: before, again: true };
    }
    const promotion = promotionOf(job, wanted, new Date());
    const requested = promotionEvent('promote.requested', promotion, requester, { targets: open });
    await this.promotions.begin(promotion, await this.commands.execute(new SealEvents([requested])));
    await this.outboxes.drain(PROMOTIONS, promotion.id);
    // If the process dies from here on, the targets stay pending; a repeated call puts them again, which the archive
    // takes for the same file by its digest.
    await this.putAll(requester, promotion, open);
    return { promotion: (await this.promotions.find(job.tenant, job.id))!, again: false };
  }

  private async putAll(requester: Requester, promotion: Promotion, names: readonly TargetName[]): Promise<void> {
    let first: { error: unknown } | undefined;
    for (const name of names) {
      try {
        await this.commands.execute(new PutTarget(requester, promotion, name));
      } catch (error) {
        first ??= { error };
      }
    }
    if (first) throw first.error;
  }

  private async readyJob(requester: Requester, jobId: string): Promise<JobView> {
    const job = await this.queries.execute(new GetJob(requester.tenant, jobId));
    annotate({ user_id: job.user_id });
    if (job.status === 'COMPLETED') return job;
    const subject = { tenant: job.tenant, job_id: job.id, ...(job.project !== undefined && { project: job.project }) };
    const data = { reason: `job_${job.external_status}` };
    await this.commands.execute(new RecordFact(promotionEvent('promote.not_ready', subject, requester, data)));
    throw new PromoteError('PROMOTE.NOT_READY', `expected a completed job, found one ${job.external_status}`);
  }
}

function wantedOf(job: JobView, names: readonly TargetName[] | undefined): Promotion['targets'] {
  const all = targetsOf(job);
  if (!names) return all;
  const missing = names.find((name) => !all[name]);
  if (missing) throw new PromoteError('PROMOTE.NOT_READY', `expected the job to have a ${missing}, found none`);
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

function promotionOf(job: JobView, targets: Promotion['targets'], at: Date): Promotion {
  const { tenant, project, user_id } = job;
  return {
    id: promotionId(job.id),
    tenant,
    ...(project !== undefined && { project }),
    job_id: job.id,
    user_id,
    targets,
    created_at: at,
    updated_at: at,
  };
}
