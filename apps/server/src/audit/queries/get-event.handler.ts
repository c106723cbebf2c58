import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { hexOf, leafHash } from '#libs/ledger';
import { eventOf, LedgerEntries } from '../storage/ledger-entries.store.js';
import { GetEvent, type StoredEvent } from './get-event.query.js';
import { placedEvent } from './placed-event.js';

@QueryHandler(GetEvent)
export class GetEventHandler implements IQueryHandler<GetEvent> {
  constructor(private readonly entries: LedgerEntries) {}

  async execute({ tenant, id }: GetEvent): Promise<StoredEvent> {
    const { seq, bytes } = await placedEvent(this.entries, tenant, id);
    const chain = await this.entries.chainHashAt(tenant, seq);
    return {
      seq,
      leaf_hash: hexOf(leafHash(bytes)),
      chain_hash: chain instanceof Uint8Array ? hexOf(chain) : '',
      event: eventOf(bytes),
      bytes: Buffer.from(bytes).toString('base64'),
    };
  }
}
