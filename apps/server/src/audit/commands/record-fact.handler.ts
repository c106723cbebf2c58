import { CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import { RecordEvents } from './record-events.command.js';
import { RecordFact } from './record-fact.command.js';
import { SealEvents } from './seal-events.command.js';

@CommandHandler(RecordFact)
export class RecordFactHandler implements ICommandHandler<RecordFact> {
  constructor(private readonly commands: CommandBus) {}

  async execute({ draft, options }: RecordFact): Promise<void> {
    const events = await this.commands.execute(new SealEvents([draft]));
    await this.commands.execute(new RecordEvents(draft.scope.tenant, events)).catch((error: unknown) => {
      if (!options.once || !hasCode(error, 'AUDIT.EVENT_CONFLICT')) throw error;
    });
  }
}
