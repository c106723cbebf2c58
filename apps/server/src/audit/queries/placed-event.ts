import { AuditError } from '../audit.errors.js';
import type { LedgerEntries } from '../storage/ledger-entries.store.js';

/** Where an event stands, with its bytes. Rejects with AUDIT.EVENT_NOT_FOUND or AUDIT.ENTRY_CONTRADICTED. */
export async function placedEvent(
  entries: Pick<LedgerEntries, 'find'>,
  tenant: string,
  id: string,
): Promise<{ seq: number; bytes: Uint8Array }> {
  const found = (await entries.find(tenant, [id])).get(id);
  if (!found) throw new AuditError('AUDIT.EVENT_NOT_FOUND', `the ledger of ${tenant} has no event of this id`);
  if (found.bytes instanceof Uint8Array && Number.isSafeInteger(found.seq)) return found;
  throw new AuditError('AUDIT.ENTRY_CONTRADICTED', `the entry of this event in the ledger of ${tenant} was changed`);
}
