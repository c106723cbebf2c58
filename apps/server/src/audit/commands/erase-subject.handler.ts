import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import { Statements } from '../cold/statements.js';
import { AuditError } from '../audit.errors.js';
import type { Erasure } from '../erasure/erasure.types.js';
import { Erasing, heldBy } from '../erasure/erasing.js';
import { RECEIPT_TYPE, type Receipt } from '../erasure/receipt.js';
import { Holds } from '../holds/holds.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { assertOperator } from '../operator.js';
import { Erasures } from '../storage/erasures.store.js';
import { Ledgers } from '../storage/ledgers.store.js';
import { SubjectKeys } from '../storage/subject-keys.store.js';
import { EraseSubject } from './erase-subject.command.js';

@CommandHandler(EraseSubject)
export class EraseSubjectHandler implements ICommandHandler<EraseSubject> {
  constructor(
    private readonly keys: AuditKeys,
    private readonly ledgers: Ledgers,
    private readonly subjects: SubjectKeys,
    private readonly erasures: Erasures,
    private readonly holds: Holds,
    private readonly statements: Statements,
    private readonly erasing: Erasing,
  ) {}

  async execute(command: EraseSubject): Promise<Erasure> {
    const { tenant, subject, requester } = command;
    assertOperator(requester);
    this.keys.assertSigns();
    if (!(await this.ledgers.find(tenant))) {
      throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
    }
    const origin = await this.ledgers.assertOpen(tenant);
    const person = await this.subjects.find(tenant, subject);
    if (!person) {
      const message = `expected a person that the ledger of ${tenant} has a key of, found none: never named, or erased`;
      throw new AuditError('AUDIT.SUBJECT_NOT_FOUND', message);
    }
    const begun = await this.erasures.of(tenant, person.pseudonym);
    if (begun) return this.erasing.finish(begun.state === 'done' ? await this.again(begun) : begun);
    const cases = await this.holds.onSubject(tenant, person);
    if (cases.length > 0) throw heldBy(cases);
    const intended = await this.intended(command, origin, person.pseudonym);
    const kept = await this.erasures.add(intended);
    // If the process dies here, nothing has happened yet; the next start goes on, unless a hold comes first.
    return this.erasing.finish(kept);
  }

  private async intended(command: EraseSubject, origin: string, pseudonym: string): Promise<Erasure> {
    const { tenant, reason, caseId, requester } = command;
    const requested_at = new Date();
    const named = { _id: uuidv7(requested_at.getTime()), tenant, pseudonym, reason };
    const said: Receipt = {
      ...{ version: 1, tenant, origin, erasure: named._id, subject: pseudonym, reason },
      ...(caseId !== undefined && { case_id: caseId }),
      ...{ requested_at: requested_at.toISOString(), size: await this.erasing.sizeOf(tenant) },
    };
    const erasure = {
      ...named,
      ...(caseId !== undefined && { case_id: caseId }),
      ...{ requested_at, state: 'intended' as const, replays: 0 },
      receipt: await this.statements.text(RECEIPT_TYPE, said),
    };
    return { ...erasure, event: await this.erasing.sealed(erasure, requester) };
  }

  /** A key that was destroyed is there: a backup that had it was restored. */
  private async again(erasure: Erasure): Promise<Erasure> {
    await this.erasures.again(erasure._id);
    return (await this.erasures.find(erasure.tenant, erasure._id)) ?? erasure;
  }
}
