import { entryAt, genesisHash, LedgerError, parseEvent, preparedEntry } from '#libs/ledger';
import type { PreparedEntry, StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { SealedEvent } from '../audit.types.js';

/** An event ready to be numbered: everything that does not depend on its place is computed already. */
export interface PreparedEvent extends PreparedEntry {
  id: string;
}

/** The newest entry; seq is -1 while the ledger is empty. */
export interface Head {
  seq: number;
  chainHash: Uint8Array;
}

export const emptyHead = (origin: string): Head => ({ seq: -1, chainHash: genesisHash(origin) });

/**
 * Reads the bytes once more, whoever kept them: what is appended is there for ever. Throws AUDIT.EVENT_INVALID when
 * they are not the canonical bytes of this event of this tenant.
 */
export function preparedEvent(tenant: string, { id, bytes }: Pick<SealedEvent, 'id' | 'bytes'>): PreparedEvent {
  const event = invalidAsOurs(() => parseEvent(bytes));
  if (event.scope.tenant !== tenant || event.id !== id) {
    throw new AuditError(
      'AUDIT.EVENT_INVALID',
      `expected event ${id} of ${tenant}, found ${event.id} of ${event.scope.tenant}`,
    );
  }
  return { id, ...preparedEntry(event, bytes) };
}

/** What `work` returns; a LedgerError of it becomes AUDIT.EVENT_INVALID. */
export function invalidAsOurs<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new AuditError('AUDIT.EVENT_INVALID', `${cause.message} (${cause.code})`, { cause });
  }
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The entries that these events become right after `head`, in this order (docs/design/ledger.md §2). */
export function chained(tenant: string, head: Head, events: readonly PreparedEvent[]): StoredEntry[] {
  let { seq, chainHash: previous } = head;
  return events.map((event) => {
    const entry = entryAt(tenant, ++seq, previous, event);
    previous = entry.chain_hash;
    return entry;
  });
}
