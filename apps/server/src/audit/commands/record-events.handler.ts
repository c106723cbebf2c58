import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Settings } from '../../settings.js';
import { Appenders } from '../append/appenders.js';
import type { RecordedEvent } from '../audit.types.js';
import { preparedEvent } from '../domain/entry.js';
import { assertFresh } from '../domain/event-age.js';
import { RecordEvents } from './record-events.command.js';

@CommandHandler(RecordEvents)
export class RecordEventsHandler implements ICommandHandler<RecordEvents> {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'audit'>,
    private readonly appenders: Appenders,
  ) {}

  async execute({ tenant, events }: RecordEvents): Promise<RecordedEvent[]> {
    const now = Date.now();
    const prepared = events.map((event) => {
      assertFresh(event.id, now, this.settings.audit.hotRetentionDays);
      return preparedEvent(tenant, event);
    });
    return this.appenders.of(tenant).append(prepared);
  }
}
