import { setTimeout as sleep } from 'node:timers/promises';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import { AuditError } from '../audit.errors.js';
import type { LegalHold } from '../domain/legal-hold.types.js';
import type { ErasureStep } from '../erasure/erasure.types.js';
import { holdsSubject } from '../domain/legal-hold.js';
import { HoldKeeping } from '../holds/hold-keeping.js';
import { HoldRecords } from '../holds/hold-records.js';
import { assertOperator } from '../operator.js';
import { Erasures } from '../storage/erasures.store.js';
import { LegalHolds } from '../storage/holds.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { SubjectKeys } from '../storage/subject-keys.store.js';
import { PlaceHold, type HoldRequest, type PlacedHold } from './place-hold.command.js';

/** How long it waits for an erasure to be withdrawn or committed, in milliseconds; one whose process died takes longer. */
const DECIDED_MS = 10_000;
const LOOK_MS = 20;

@CommandHandler(PlaceHold)
export class PlaceHoldHandler implements ICommandHandler<PlaceHold> {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly subjects: SubjectKeys,
    private readonly holds: LegalHolds,
    private readonly erasures: Erasures,
    private readonly records: HoldRecords,
    private readonly keeping: HoldKeeping,
  ) {}

  async execute({ tenant, request, requester }: PlaceHold): Promise<PlacedHold> {
    assertOperator(requester);
    assertTime(request);
    if (!(await this.ledgers.find(tenant))) {
      throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    }
    await this.ledgers.assertOpen(tenant);
    const { case_id, subjects, since, until } = request;
    const hold: Omit<LegalHold, 'unrecorded' | 'waits'> = {
      ...{ _id: uuidv7(), tenant, case_id, placed_at: new Date() },
      ...(subjects && { subjects: await this.pseudonyms(tenant, subjects) }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    };
    const unrecorded = [await this.records.placed(hold, requester)];
    const placed: LegalHold = { ...hold, unrecorded, waits: true };
    await this.holds.add(placed);
    // If the process dies here, it holds, and the objects and the ledger follow.
    const begun = await this.begunErasures(placed);
    await this.keeping.settle(tenant);
    await this.records.record(placed);
    return { ...placed, unrecorded: [], erasures: await this.decided(tenant, begun) };
  }

  /** Those that may not have seen the hold. An erasure is written down before it looks for holds, so none is missing. */
  private async begunErasures(hold: LegalHold): Promise<ErasureStep[]> {
    const begun = await this.erasures.underWay(hold.tenant, hold.subjects);
    const keys = await this.subjects.existing(
      hold.tenant,
      begun.map(({ pseudonym }) => pseudonym),
    );
    return begun.filter(({ pseudonym }) => {
      const since = keys.get(pseudonym);
      return since === undefined || holdsSubject(hold, { pseudonym, since });
    });
  }

  private async decided(tenant: string, begun: ErasureStep[]): Promise<ErasureStep[]> {
    const deadline = performance.now() + DECIDED_MS;
    let steps = begun;
    while (steps.some(({ state }) => state === 'intended') && performance.now() < deadline) {
      await sleep(LOOK_MS);
      const ids = steps.map(({ _id }) => _id);
      steps = await this.erasures.steps(tenant, ids);
    }
    return steps;
  }

  /** A person that no event names yet gets a key now, so that the first one is held already. */
  private async pseudonyms(tenant: string, subjects: readonly string[]): Promise<string[]> {
    return [...new Set((await this.subjects.pseudonyms(tenant, subjects)).values())];
  }
}

function assertTime({ since, until }: HoldRequest): void {
  for (const [field, time] of Object.entries({ since, until })) {
    if (time !== undefined && Number.isNaN(Date.parse(time))) throw refused(field, 'expected a day of the calendar');
  }
  if (since !== undefined && until !== undefined && until <= since) {
    throw refused('until', `expected a time after ${since}, found ${until}`);
  }
}

const refused = (field: string, detail: string): AuditError =>
  new AuditError('AUDIT.HOLD_REQUEST_INVALID', `${field}: ${detail}`, {
    details: [{ pointer: `/${field}`, code: 'refused', detail }],
  });
