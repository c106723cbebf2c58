import type { CommandBus } from '@nestjs/cqrs';
import { hasCode } from '#libs/kernel';
import type { EventDraft } from '../audit.types.js';
import { RecordEvents } from './record-events.command.js';
import { SealEvents } from './seal-events.command.js';

/** Records an event whose id stands for many: when one of that id is there already, that one stands. */
export async function recordOnce(commands: CommandBus, draft: EventDraft & { id: string }): Promise<void> {
  const events = await commands.execute(new SealEvents([draft]));
  await commands.execute(new RecordEvents(draft.scope.tenant, events)).catch((error: unknown) => {
    if (!hasCode(error, 'AUDIT.EVENT_CONFLICT')) throw error;
  });
}
