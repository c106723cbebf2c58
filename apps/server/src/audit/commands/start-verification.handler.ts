import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import { AuditError } from '../audit.errors.js';
import type { Verification } from '../verification/verification.types.js';
import { Verifications } from '../storage/verifications.store.js';
import { parsedKeys, VerificationEngine } from '../verification/verification-engine.js';
import { StartVerification } from './start-verification.command.js';

@CommandHandler(StartVerification)
export class StartVerificationHandler implements ICommandHandler<StartVerification> {
  constructor(
    private readonly verifications: Verifications,
    private readonly engine: VerificationEngine,
  ) {}

  async execute({ tenant, asked, requester, origin }: StartVerification): Promise<Verification> {
    await this.engine.assertKnown(tenant);
    parsedKeys(asked.vkeys);
    const { from = 0, to = from } = asked.range ?? {};
    if (from > to) throw rangeInvalid(`expected from ≤ to, found ${from} and ${to}`);
    const progress = { done: 0, total: null };
    const verification: Verification = {
      ...{ id: uuidv7(), tenant, state: 'queued', origin, asked, progress },
      ...{ created_at: new Date(), rev: 1 },
    };
    if (await this.verifications.add(verification, requester)) return verification;
    throw new AuditError('AUDIT.VERIFICATION_BUSY', `${tenant} has as many verifications under way as it may`);
  }
}

const rangeInvalid = (detail: string): AuditError =>
  new AuditError('AUDIT.RANGE_INVALID', detail, { details: [{ pointer: '/from', code: 'refused', detail }] });
