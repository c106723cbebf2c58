import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Settings } from '../../settings.js';
import { Appenders } from '../append/appenders.js';
import { PreparedEvents } from '../append/prepared-events.js';
import type { RecordedEvent } from '../audit.types.js';
import { assertFresh } from '../domain/event-age.js';
import { RecordEvents } from './record-events.command.js';

@CommandHandler(RecordEvents)
export class RecordEventsHandler implements ICommandHandler<RecordEvents> {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'audit'>,
    private readonly appenders: Appenders,
    private readonly prepared: PreparedEvents,
  ) {}

  async execute({ tenant, events }: RecordEvents): Promise<RecordedEvent[]> {
    const now = Date.now();
    const prepared = events.map((event) => {
      assertFresh(event.id, now, this.settings.audit.hotRetentionDays);
      return this.prepared.prepared(tenant, event);
    });
    return this.appenders.of(tenant).append(prepared);
  }
}
