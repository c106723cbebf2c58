import { bytesOfHex, equalBytes, hexOf } from '../bytes.js';
import { columnsOf, entryId } from '../entry.js';
import type { StoredEntry } from '../entry.js';
import { readEvent } from '../event.js';
import { signatureHolds } from '../event-signature.js';
import type { LedgerEvent } from '../event.types.js';
import { chainHash, HASH_BYTES, leafHash } from '../hashes.js';
import type { FormFault } from '../ledger.errors.js';
import { reopeningOf } from './incarnations.js';
import type { Reopening } from './incarnations.js';
import { keyStatementOf } from './key-statements.js';
import type { KeyStatement } from './key-statements.js';

/** What a stored document says, with its hash recomputed. Holds no bytes: thousands may be kept in doubt. */
export interface Reading {
  /** The seq it claims; undefined when the field holds no seq. */
  claimed: number | undefined;
  /** The seq its `_id` spells for this tenant. */
  idSeq: number | undefined;
  eventId: string | undefined;
  /** Recomputed from its bytes; undefined when it has none. */
  leaf: Uint8Array | undefined;
  storedLeaf: Uint8Array | undefined;
  storedChain: Uint8Array | undefined;
  /** True when the stored leaf hash is that of the bytes. */
  agrees: boolean;
  /** Faults of `_id`, `tenant` and fields that do not belong; `_id` is compared with the claimed seq. */
  placeFaults: FieldFault[];
  /** Columns that differ from what the bytes say. Means nothing where the bytes were edited. */
  columnFaults: FieldFault[];
  formFaults: FormFault[];
  /** The event's own signature, where it has one, and what is wrong with it. */
  signature: SignatureReading | undefined;
  /** What it says of a key. */
  statement: KeyStatement | undefined;
  /** That it opens a new incarnation. */
  reopening: Reopening | undefined;
}

export interface SignatureReading {
  kid: string;
  fault: 'unknown_key' | 'does_not_hold' | undefined;
}

export type EventKeys = ReadonlyMap<string, Uint8Array>;
export const NO_EVENT_KEYS: EventKeys = new Map();

export interface FieldFault {
  field: string;
  stored?: string;
  recomputed?: string;
}

const NOT_COLUMNS = new Set(['_id', 'tenant', 'seq', 'bytes', 'leaf_hash', 'chain_hash']);
const ID = /^([^:]*):(\d{16})$/;

/** Reads one stored document of the ledger of `tenant`; undefined when it is no document at all. */
export function readingOf(document: unknown, tenant: string, eventKeys: EventKeys): Reading | undefined {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return undefined;
  const {
    _id,
    seq,
    bytes,
    leaf_hash: storedLeafHash,
    chain_hash: storedChainHash,
  } = document as Record<string, unknown>;
  const leaf = bytes instanceof Uint8Array ? leafHash(bytes) : undefined;
  const storedLeaf = hashOf(storedLeafHash);
  const claimed =
    Number.isSafeInteger(seq) && !Object.is(seq, -0) && (seq as number) >= 0 ? (seq as number) : undefined;
  const { event, faults } = bytes instanceof Uint8Array ? readEvent(bytes) : { event: undefined, faults: [] };
  const columns: Record<string, unknown> | undefined = event && { ...columnsOf(event) };
  return {
    claimed,
    idSeq: idSeqOf(_id, tenant),
    eventId:
      event?.id ??
      (typeof (document as { event_id?: unknown }).event_id === 'string'
        ? short((document as { event_id: string }).event_id)
        : undefined),
    leaf,
    storedLeaf,
    storedChain: hashOf(storedChainHash),
    agrees: leaf !== undefined && storedLeaf !== undefined && equalBytes(leaf, storedLeaf),
    placeFaults: placeFaultsOf(document as Record<string, unknown>, tenant, claimed),
    columnFaults:
      columns === undefined
        ? []
        : columnFaultsOf(document as Record<string, unknown>, columns, event?.scope.tenant === tenant),
    formFaults: faults,
    signature: event && signatureOf(event, eventKeys),
    statement: event && keyStatementOf(event, tenant),
    reopening: event && reopeningOf(event),
  };
}

/**
 * `readingOf` of a document that `entryAt` has just made of an event of this tenant and of that event's canonical bytes:
 * nothing of it needs to be read, hashed or compared again (segment.spec.ts).
 */
export const readingOfMade = (
  { tenant, seq, leaf_hash: leaf, chain_hash: storedChain }: StoredEntry,
  event: LedgerEvent,
  eventKeys: EventKeys,
): Reading => ({
  ...{ claimed: seq, idSeq: seq, eventId: event.id, leaf, storedLeaf: leaf, storedChain, agrees: true },
  ...{ placeFaults: [], columnFaults: [], formFaults: [] },
  signature: signatureOf(event, eventKeys),
  statement: keyStatementOf(event, tenant),
  reopening: reopeningOf(event),
});

/** Which of its two leaf hashes makes the stored chain hash follow from `previous`: the bytes', the stored one, none. */
export function linkOf(reading: Reading, previous: Uint8Array | undefined): 'bytes' | 'stored' | undefined {
  const { leaf, storedLeaf, storedChain, agrees } = reading;
  if (previous === undefined || storedChain === undefined) return undefined;
  if (leaf !== undefined && equalBytes(chainHash(previous, leaf), storedChain)) return 'bytes';
  if (agrees || storedLeaf === undefined) return undefined;
  return equalBytes(chainHash(previous, storedLeaf), storedChain) ? 'stored' : undefined;
}

function signatureOf(event: LedgerEvent, eventKeys: EventKeys): SignatureReading | undefined {
  if (event.sig === undefined) return undefined;
  const { kid } = event.sig;
  const key = eventKeys.get(kid);
  if (key === undefined) return { kid, fault: 'unknown_key' };
  return { kid, fault: signatureHolds(event, key) ? undefined : 'does_not_hold' };
}

function placeFaultsOf(document: Record<string, unknown>, tenant: string, claimed: number | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  if (document.tenant !== tenant) faults.push({ field: 'tenant', ...shown(document.tenant), recomputed: tenant });
  const expected = claimed === undefined ? undefined : entryId(tenant, claimed);
  if (expected !== undefined && document._id !== expected) {
    faults.push({ field: '_id', ...shown(document._id), recomputed: expected });
  }
  return faults;
}

function columnFaultsOf(
  document: Record<string, unknown>,
  columns: Record<string, unknown>,
  inItsLedger: boolean,
): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [field, expected] of Object.entries(columns)) {
    if (document[field] !== expected) faults.push({ field, ...shown(document[field]), recomputed: String(expected) });
  }
  for (const field of Object.keys(document)) {
    if (!NOT_COLUMNS.has(field) && !Object.hasOwn(columns, field)) {
      faults.push({ field: short(field), ...shown(document[field]) });
    }
  }
  if (!inItsLedger) faults.push({ field: 'tenant' });
  return faults;
}

function idSeqOf(id: unknown, tenant: string): number | undefined {
  const [, ofTenant, digits] = (typeof id === 'string' && ID.exec(id)) || [];
  const seq = Number(digits);
  return ofTenant === tenant && Number.isSafeInteger(seq) ? seq : undefined;
}

const hashOf = (value: unknown): Uint8Array | undefined =>
  value instanceof Uint8Array && value.length === HASH_BYTES ? value : undefined;

function shown(value: unknown): { stored?: string } {
  if (typeof value === 'string') return { stored: short(value) };
  if (value instanceof Uint8Array) return { stored: hexOf(value.subarray(0, 64)) };
  return typeof value === 'number' || typeof value === 'boolean' ? { stored: String(value) } : {};
}

const short = (text: string): string => text.slice(0, 128);

/** A reading in which nothing is wrong. */
export type ReadingState = Pick<Reading, 'eventId' | 'formFaults' | 'signature' | 'statement' | 'reopening'> & {
  seq: number;
  leaf: string;
  chain: string;
};

export const readingState = (reading: Reading): ReadingState => ({
  seq: reading.claimed as number,
  eventId: reading.eventId,
  leaf: hexOf(reading.leaf as Uint8Array),
  chain: hexOf(reading.storedChain as Uint8Array),
  formFaults: reading.formFaults,
  signature: reading.signature,
  statement: reading.statement,
  reopening: reading.reopening,
});

export function readingOfState({ seq, leaf, chain, ...rest }: ReadingState): Reading {
  const hash = bytesOf(leaf);
  return {
    ...rest,
    // JSON leaves out what is undefined.
    eventId: rest.eventId,
    reopening: rest.reopening,
    signature: rest.signature && { kid: rest.signature.kid, fault: rest.signature.fault },
    statement: rest.statement && { ...rest.statement, publicKeySha256: rest.statement.publicKeySha256 },
    claimed: seq,
    idSeq: seq,
    leaf: hash,
    storedLeaf: hash,
    storedChain: bytesOf(chain),
    agrees: true,
    placeFaults: [],
    columnFaults: [],
  };
}

const bytesOf = (hex: string): Uint8Array => bytesOfHex(hex) as Uint8Array;
