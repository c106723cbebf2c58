import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ArchiveGuards } from '../archive/archive-guards.js';
import type { ArchiveOutcome } from '../archive/archive-outcome.types.js';
import { ArchiveRun } from '../archive/archive-run.js';
import { refsOf } from '../audit.types.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { assertOperator } from '../operator.js';
import { RecordFact } from './record-fact.command.js';
import { RunArchive } from './run-archive.command.js';

@CommandHandler(RunArchive)
export class RunArchiveHandler implements ICommandHandler<RunArchive> {
  constructor(
    private readonly guards: ArchiveGuards,
    private readonly runs: ArchiveRun,
    private readonly keys: AuditKeys,
    private readonly commands: CommandBus,
  ) {}

  async execute({ tenant, override, requester }: RunArchive): Promise<ArchiveOutcome> {
    assertOperator(requester);
    this.keys.assertSigns();
    await this.runs.assertKnown(tenant);
    if (!override) await this.guards.assertDue(new Date());
    const [actor, refs] = [requester.actor, refsOf(requester)];
    await this.commands.execute(
      new RecordFact({ kind: 'archive.ordered', scope: { tenant }, actor, refs, data: { override } }),
    );
    return this.runs.runOnce(tenant, new Date());
  }
}
