import { chainHash, columnsOf, entryId, genesisHash, leafHash, LedgerError, parseEvent } from '#libs/ledger';
import type { EntryColumns, StoredEntry } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import type { SealedEvent } from '../audit.types.js';

/** An event ready to be numbered: everything that does not depend on its place is computed already. */
export interface PreparedEvent {
  id: string;
  /** Canonical bytes, hashed as they are. */
  bytes: Uint8Array;
  leafHash: Uint8Array;
  columns: EntryColumns;
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
  return { id, bytes, leafHash: leafHash(bytes), columns: columnsOf(event) };
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

/** The entries that these events become right after `head`, in this order (ledger.md §2). */
export function chained(tenant: string, head: Head, events: readonly PreparedEvent[]): StoredEntry[] {
  let { seq, chainHash: previous } = head;
  return events.map(({ bytes, leafHash: leaf, columns }) => {
    seq += 1;
    previous = chainHash(previous, leaf);
    return { _id: entryId(tenant, seq), tenant, seq, ...columns, bytes, leaf_hash: leaf, chain_hash: previous };
  });
}
