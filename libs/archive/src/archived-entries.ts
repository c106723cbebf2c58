import { bytesOfHex, entryAt, parseEvent, preparedEntry, type LedgerEvent, type StoredEntry } from '#libs/ledger';
import { ArchiveError } from './archive.errors.js';
import type { ArchiveManifest } from './archive.types.js';
import { linesOfBatch } from './batch-lines.js';

/** A stored entry, and the event that its bytes hold. */
export interface ArchivedEvent {
  entry: StoredEntry;
  event: LedgerEvent;
}

/**
 * The stored entries of these lines, one at a time: the very documents the hot store held. Throws LINE_FORM for a line
 * that is no event's canonical bytes, LINE_TENANT for one of another ledger.
 */
export function* archivedEntries(
  lines: Uint8Array,
  { tenant, startSeq, previousChainHash }: Pick<ArchiveManifest, 'tenant' | 'startSeq' | 'previousChainHash'>,
): Generator<ArchivedEvent, void, undefined> {
  let seq = startSeq;
  let chain = hashOf(previousChainHash);
  for (const bytes of linesOfBatch(lines)) {
    const event = eventOf(bytes, tenant, seq);
    const entry = entryAt(tenant, seq, chain, preparedEntry(event, bytes));
    yield { entry, event };
    chain = entry.chain_hash;
    seq += 1;
  }
}

function eventOf(bytes: Uint8Array, tenant: string, seq: number): LedgerEvent {
  const event = parsed(bytes, seq);
  if (event.scope.tenant === tenant) return event;
  throw new ArchiveError('ARCHIVE.LINE_TENANT', `expected an event of ${tenant} at seq ${seq}, found another tenant's`);
}

function parsed(bytes: Uint8Array, seq: number): LedgerEvent {
  try {
    return parseEvent(bytes);
  } catch (cause) {
    throw new ArchiveError('ARCHIVE.LINE_FORM', `expected the canonical bytes of an event at seq ${seq}`, { cause });
  }
}

function hashOf(hex: string): Uint8Array {
  const bytes = bytesOfHex(hex);
  if (bytes?.length === 32) return bytes;
  throw new ArchiveError('ARCHIVE.MANIFEST_FORM', 'expected a chain hash of 64 hex digits');
}
