import { hexOf, leafHash, type ArchiveFault, type LeafTile, type LedgerVerifier, type StoredEntry } from '#libs/ledger';
import type { OpenBatch } from '../tiers/open-batch.js';
import { piecesEntries, type ArchivedPiece } from '../storage/archived-piece.js';

/** Seqs that are not in hot storage alone: both inclusive. */
export interface ArchivedSpan {
  from: number;
  to: number;
  /** Id of the batch; absent where no record names it. */
  batch?: string;
  /** Absent: they cannot be read, or have retired. */
  entries?: OpenBatch;
}

/** Its entries from `from` to before `to`, for a thread. */
export function pieceOf({ entries }: ArchivedSpan, from: number, to: number): ArchivedPiece {
  const lines = entries!.linesBetween(from, to);
  return { startSeq: from, lines, previousChainHash: entries!.chainBefore(from) };
}

/**
 * Its entries from `from` to before `to` as the documents that hot storage had. Throws ArchiveError LINE_FORM or
 * LINE_TENANT at a line that is no event of this ledger.
 */
export function documentsOf(
  tenant: string,
  span: ArchivedSpan,
  { from, to }: { from: number; to: number },
): Generator<StoredEntry, void> {
  return piecesEntries(tenant, pieceOf(span, from, to));
}

/**
 * Whether an archived entry that is not the hot one of its seq is the one to verify before that: when it has the leaf hash
 * that the tiles tell, and other bytes. Tells where it is the archived one that is wrong.
 */
export function isArchivedRight(
  verifier: Pick<LedgerVerifier, 'archiveFault'>,
  { batch }: ArchivedSpan,
  { archived, hot, tiles }: { archived: StoredEntry; hot: object; tiles: readonly LeafTile[] },
): boolean {
  const { seq, bytes, leaf_hash: leaf } = archived;
  const found = (hot as { bytes?: unknown }).bytes;
  if (found instanceof Uint8Array && Buffer.compare(found, bytes) === 0) return false;
  const told = tiles.map(({ from, hashes }) => hashes[seq - from]).find((hash) => hash !== undefined);
  if (told && Buffer.compare(told, leaf) === 0) return true;
  const fault: ArchiveFault = {
    class: 'archive_altered',
    ...{ from: seq, to: seq, code: 'ARCHIVE.ENTRY_DIFFERS', recomputed: hexOf(leafHash(bytes)) },
    ...(batch !== undefined && { batch }),
    ...(told ? { stored: hexOf(told) } : { verdict: 'inconsistent' as const }),
    reason: told
      ? 'hot storage has another entry of this seq, and the leaf tiles agree with that'
      : 'hot storage has another entry of this seq, and no leaf tile tells which is right',
  };
  verifier.archiveFault(fault);
  return false;
}
