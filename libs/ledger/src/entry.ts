import type { LedgerEvent } from './event.types.js';
import { chainHash, leafHash } from './hashes.js';
import { LedgerError } from './ledger.errors.js';

/**
 * One stored entry, a pure function of (tenant, seq, bytes, previous chain hash): nothing in it is the store's own, so
 * a verifier recomputes and compares every field. `bytes` is the truth; the columns are copies for queries.
 */
export interface StoredEntry {
  /** `<tenant>:<seq in 16 digits>`: the order of ids is the order of the ledger. */
  _id: string;
  tenant: string;
  seq: number;
  event_id: string;
  kind: string;
  ts: string;
  project?: string;
  actor_type: string;
  actor_id: string;
  resource_type?: string;
  resource_id?: string;
  job_id?: string;
  bytes: Uint8Array;
  leaf_hash: Uint8Array;
  chain_hash: Uint8Array;
}

/** Columns copied out of the event. */
export type EntryColumns = Omit<StoredEntry, '_id' | 'tenant' | 'seq' | 'bytes' | 'leaf_hash' | 'chain_hash'>;

export interface PreparedEntry {
  bytes: Uint8Array;
  leafHash: Uint8Array;
  columns: EntryColumns;
}

export interface EntryInput {
  tenant: string;
  seq: number;
  event: LedgerEvent;
  bytes: Uint8Array;
  /** Chain hash of seq - 1; `genesisHash(origin)` for seq 0. */
  previousChainHash: Uint8Array;
}

/** The document to store. Throws EVENT_TENANT when the event belongs to another ledger, INDEX_OUT_OF_RANGE for a bad seq. */
export function entryOf({ tenant, seq, event, bytes, previousChainHash }: EntryInput): StoredEntry {
  if (event.scope.tenant !== tenant) {
    throw new LedgerError('LEDGER.EVENT_TENANT', `an event of tenant ${event.scope.tenant} in the ledger of ${tenant}`);
  }
  return entryAt(tenant, seq, previousChainHash, preparedEntry(event, bytes));
}

/** All of an entry that does not depend on its place. `bytes` are the event's canonical bytes, hashed as they are. */
export const preparedEntry = (event: LedgerEvent, bytes: Uint8Array): PreparedEntry => ({
  bytes,
  leafHash: leafHash(bytes),
  columns: columnsOf(event),
});

/** The document of a prepared event of this tenant at this place. Throws INDEX_OUT_OF_RANGE for a bad seq. */
export function entryAt(
  tenant: string,
  seq: number,
  previousChainHash: Uint8Array,
  { bytes, leafHash: leaf, columns }: PreparedEntry,
): StoredEntry {
  const chain = chainHash(previousChainHash, leaf);
  return { _id: entryId(tenant, seq), tenant, seq, ...columns, bytes, leaf_hash: leaf, chain_hash: chain };
}

export function entryId(tenant: string, seq: number): string {
  if (!Number.isSafeInteger(seq) || seq < 0) {
    throw new LedgerError('LEDGER.INDEX_OUT_OF_RANGE', `a seq is an integer from 0 to 2^53-1, found ${seq}`);
  }
  return `${tenant}:${seq.toString().padStart(16, '0')}`;
}

export function columnsOf({ id, kind, ts, scope, actor, refs }: LedgerEvent): EntryColumns {
  return {
    event_id: id,
    kind,
    ts,
    ...(scope.project !== undefined && { project: scope.project }),
    actor_type: actor.type,
    actor_id: actor.id,
    ...(refs?.resource && { resource_type: refs.resource.type, resource_id: refs.resource.id }),
    ...(refs?.job_id !== undefined && { job_id: refs.job_id }),
  };
}
