import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { hexOf, leafHash } from '#libs/ledger';
import { TieredEvents } from '../tiers/tiered-events.js';
import { eventOf } from '../storage/ledger-entries.store.js';
import { GetEvent, type StoredEvent } from './get-event.query.js';
import { placedEvent } from './placed-event.js';

@QueryHandler(GetEvent)
export class GetEventHandler implements IQueryHandler<GetEvent> {
  constructor(private readonly entries: TieredEvents) {}

  async execute({ tenant, id }: GetEvent): Promise<StoredEvent> {
    const { seq, bytes, chain_hash: chain, tier } = await placedEvent(this.entries, tenant, id);
    return {
      seq,
      leaf_hash: hexOf(leafHash(bytes)),
      chain_hash: chain instanceof Uint8Array ? hexOf(chain) : '',
      tier,
      event: eventOf(bytes),
      bytes: Buffer.from(bytes).toString('base64'),
    };
  }
}
