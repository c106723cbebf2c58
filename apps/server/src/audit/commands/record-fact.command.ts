import { Command } from '@nestjs/cqrs';
import type { EventDraft } from '../audit.types.js';

/**
 * Seals and records one event: for what changes no state of a room, such as a refusal. Resolves when the event is
 * durable; rejects with what SealEvents and RecordEvents reject with. `once`: an event that is there already under
 * this draft's id stands, and this one is dropped.
 */
export class RecordFact extends Command<void> {
  constructor(
    readonly draft: EventDraft,
    readonly options: { once?: boolean } = {},
  ) {
    super();
  }
}
