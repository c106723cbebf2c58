import { Inject } from '@nestjs/common';
import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { base64Of, hexOf } from '#libs/ledger';
import { Log } from '#libs/telemetry';
import { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { refsOf, type EventDraft } from '../audit.types.js';
import { HighWaterFiles } from '../checkpoints/high-water-files.js';
import { StoreSurvey, type Survey } from '../checkpoints/store-survey.js';
import { chained, preparedEvent } from '../domain/entry.js';
import type { Mark } from '../domain/high-water-mark.js';
import { FIRST_INCARNATION, incarnationOf, originOf, SYSTEM } from '../domain/origin.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { assertOperator } from '../operator.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { eventOf, LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers, type FormerIncarnation, type Ledger } from '../storage/ledgers.store.js';
import { SetAsides } from '../storage/set-aside.store.js';
import { RecordFact } from './record-fact.command.js';
import { ReopenLedger, type Reopened } from './reopen-ledger.command.js';
import { SealEvents } from './seal-events.command.js';

/** What is about to be opened. */
interface Plan {
  ledger: Ledger;
  origin: string;
  incarnation: number;
  survey: Survey;
  /** The tree that goes on. */
  base: Mark;
  /** Its first entry is there already: another order for it died. */
  begun: boolean;
}

@CommandHandler(ReopenLedger)
export class ReopenLedgerHandler implements ICommandHandler<ReopenLedger> {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'origin'>,
    private readonly keys: AuditKeys,
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly checkpoints: Checkpoints,
    private readonly setAsides: SetAsides,
    private readonly marks: HighWaterFiles,
    private readonly stores: StoreSurvey,
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {}

  async execute(command: ReopenLedger): Promise<Reopened> {
    assertOperator(command.requester);
    this.keys.assertSigns();
    const plan = await this.planned(command);
    const { incarnation, origin, base } = plan;
    const { tenant } = command;
    if (!plan.begun) await this.begin(command, plan);
    // If the process dies here, the ledger is suspended, and its newest entry says what it will go on as.
    await this.setAsides.checkpointsAbove(tenant, plan.survey.good.size, incarnation);
    await this.setAsides.tilesBeyond(tenant, plan.survey.good.size, incarnation);
    await this.checkpoints.beginAnew(tenant, origin);
    // If the process dies here, nothing is published, and the marks still say that another incarnation was signed.
    await this.keys.beginAnew(tenant);
    await this.marks.of(tenant).put(incarnation, { ...base, origin }, base.size);
    // If the process dies here, the ledger is suspended still: the order has to be given again.
    const former = this.formerOf(plan);
    if (!(await this.ledgers.reopen(plan.ledger, { origin, former }))) throw notSuspended(tenant);
    await this.tell(command, plan);
    return { tenant, origin, incarnation, seq: base.size };
  }

  private async planned({ tenant, good }: ReopenLedger): Promise<Plan> {
    const ledger = await this.ledgers.find(tenant);
    if (!ledger) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    if (ledger.state !== 'suspended') throw notSuspended(tenant);
    const begun = await this.begunAt(ledger);
    const survey = await this.stores.of(ledger, begun);
    if (good.size !== survey.good.size || good.root !== base64Of(survey.good.root)) {
      throw new AuditError(
        'AUDIT.CONFIRMATION_WRONG',
        `expected the last good checkpoint, of size ${survey.good.size}, found another size or root`,
      );
    }
    const incarnation = begun?.incarnation ?? (await this.newest(ledger)) + 1;
    const origin = originOf(this.settings.origin, tenant, incarnation);
    const base = begun || !isAltered(survey) ? survey.whole : await this.goodTree(ledger, survey);
    return { ledger, origin, incarnation, survey, base, begun: begun !== undefined };
  }

  private async begin({ tenant, reason, requester }: ReopenLedger, { survey, incarnation, base }: Plan): Promise<void> {
    await this.setAsides.entriesFrom(tenant, base.size, incarnation);
    // If the process dies here, what was altered is out of the way, and the order has to be given again.
    const data = {
      incarnation,
      good_size: survey.good.size,
      good_root: hexOf(survey.good.root),
      signed_size: survey.signedSize,
      reason,
    };
    const [actor, refs] = [requester.actor, refsOf(requester)];
    const draft: EventDraft = { kind: 'ledger.reopened', scope: { tenant }, actor, refs, data };
    const [sealed] = await this.commands.execute(new SealEvents([draft], { whileSuspended: true }));
    const head = { seq: base.size - 1, chainHash: base.chainHash };
    const outcome = await this.entries.insert(chained(tenant, head, [preparedEvent(tenant, sealed!)]));
    if (outcome.acknowledged === 1) return;
    throw new AuditError('AUDIT.OUTCOME_UNKNOWN', `the store did not say whether ${tenant} was reopened`, {
      cause: outcome.cause,
    });
  }

  /** The first entry of the next incarnation, when an order that died has put it at the end. */
  private async begunAt({ _id: tenant, origin }: Ledger): Promise<{ seq: number; incarnation: number } | undefined> {
    const head = await this.entries.head(tenant);
    const [entry] = head ? await this.entries.after(tenant, head.seq, 1) : [];
    const event = entry && eventOf(entry.bytes);
    const incarnation = event?.kind === 'ledger.reopened' ? event.data?.['incarnation'] : undefined;
    if (!entry || typeof incarnation !== 'number' || incarnation <= this.incarnationIn(tenant, origin))
      return undefined;
    const kept = await this.marks.of(tenant).newest();
    const wasSigned = kept?.incarnation === incarnation && kept.marks.some(({ size }) => size > entry.seq);
    return wasSigned ? undefined : { seq: entry.seq, incarnation };
  }

  /** That the store knows of, or of which there is a mark: a backup may be older than the last reopening. */
  private async newest({ _id: tenant, origin }: Ledger): Promise<number> {
    const kept = await this.marks.of(tenant).newest();
    return Math.max(this.incarnationIn(tenant, origin), kept?.incarnation ?? FIRST_INCARNATION);
  }

  private incarnationIn(tenant: string, origin: string): number {
    return incarnationOf(this.settings.origin, tenant, origin) ?? FIRST_INCARNATION;
  }

  private async goodTree(ledger: Ledger, { good }: Survey): Promise<Mark> {
    return (await this.stores.of(ledger, { seq: good.size })).whole;
  }

  /** Those from the one that the store knows up to the one before the new one. */
  private formerOf({ ledger, incarnation, survey, base }: Plan): FormerIncarnation[] {
    const stored = this.incarnationIn(ledger._id, ledger.origin);
    return Array.from({ length: incarnation - stored }, (_, i) => ({
      origin: originOf(this.settings.origin, ledger._id, stored + i),
      good_size: survey.good.size,
      next_seq: base.size,
      ...(ledger.suspended && { suspended: ledger.suspended }),
    }));
  }

  /** The ledger's own first entry is the record; the system ledger gets a copy where it is another one. */
  private async tell({ tenant, reason, requester }: ReopenLedger, { incarnation, survey }: Plan): Promise<void> {
    this.log.warn('audit.reopened', { tenant_id: tenant, count: incarnation });
    if (tenant === SYSTEM) return;
    const { good, signedSize } = survey;
    const data = {
      ledger: tenant,
      incarnation,
      good_size: good.size,
      good_root: hexOf(good.root),
      signed_size: signedSize,
    };
    const draft: EventDraft = {
      kind: 'ledger.reopened',
      scope: { tenant: SYSTEM },
      actor: requester.actor,
      data: { ...data, reason },
    };
    await this.commands.execute(new RecordFact(draft)).catch((error: unknown) => {
      this.log.warn('audit.reopening_unrecorded', { tenant_id: tenant, error_code: codeOf(error) });
    });
  }
}

/**
 * Whether what lies beyond the last good checkpoint is known to be none of what was signed. A store that is only shorter
 * than that, as a backup is, keeps its newest entries: nothing speaks against them, and nothing for them.
 */
const isAltered = ({ whole, signedSize, broken }: Survey): boolean => broken !== undefined || whole.size >= signedSize;

const notSuspended = (tenant: string): AuditError =>
  new AuditError('AUDIT.LEDGER_OPEN', `the ledger of ${tenant} is not suspended`);
