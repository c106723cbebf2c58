import type { TieredEntry, TieredEvents } from '../tiers/tiered-events.js';
import { AuditError } from '../audit.errors.js';

/** Where an event stands, with its bytes. Rejects with AUDIT.EVENT_NOT_FOUND or AUDIT.ENTRY_CONTRADICTED. */
export async function placedEvent(
  entries: Pick<TieredEvents, 'find'>,
  tenant: string,
  id: string,
): Promise<TieredEntry> {
  const found = await entries.find(tenant, id);
  if (!found) throw new AuditError('AUDIT.EVENT_NOT_FOUND', `the ledger of ${tenant} has no event of this id`);
  if (found.bytes instanceof Uint8Array && Number.isSafeInteger(found.seq)) return found;
  throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `the entry of this event in the ledger of ${tenant} was changed`);
}
