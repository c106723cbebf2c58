import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { assertOwnOrOperator } from '../operator.js';
import { ArchiveVerification } from '../verification/archive-verification.js';
import { VerificationLine } from '../verification/verification-line.js';
import { NoteAccess } from './note-access.command.js';
import { VerifyArchive, type ArchiveVerdict } from './verify-archive.command.js';

@CommandHandler(VerifyArchive)
export class VerifyArchiveHandler implements ICommandHandler<VerifyArchive> {
  constructor(
    private readonly verification: ArchiveVerification,
    private readonly line: VerificationLine,
    private readonly commands: CommandBus,
  ) {}

  async execute({ tenant, id, copy, requester, caller }: VerifyArchive): Promise<ArchiveVerdict> {
    assertOwnOrOperator(tenant, requester);
    const verified = (signal: AbortSignal) => this.verification.verify(tenant, id, { copy, signal });
    const report = await this.line.inTurn(tenant, verified, caller);
    const { tier, breaks_total: breaks } = report;
    const access = {
      kind: 'archive.verified',
      data: { verdict: tier, breaks, copy },
      refs: { batch_id: id },
      same: `${id} ${copy} ${tier}`,
    } as const;
    await this.commands.execute(new NoteAccess(tenant, requester.actor, requester.credential, access));
    return { batch_id: id, copy, ...report };
  }
}
